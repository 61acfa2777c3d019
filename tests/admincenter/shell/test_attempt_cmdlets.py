"""The attempts of a message in the shell."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support import queued_mail, tracked_mail

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def message():
    """A message that was deferred at one host and delivered at the next."""
    made = queued_mail.message(queued_mail.queue("fabrikam.com")).message
    queued_mail.attempt(made, at=timezone.now() - timedelta(minutes=5), tls_policy="MTA-STS")
    queued_mail.attempt(
        made,
        at=timezone.now(),
        outcome="delivered",
        stage="DOT",
        code=250,
        enhanced="2.0.0",
        text="Taken",
        tls="TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified: CN=mx.fabrikam.com",
        tls_policy="DANE",
    )
    return made


def test_the_attempts_of_a_message_are_listed_with_what_became_of_tls(listed, message):
    first, last = listed(f"Get-MessageAttempt {message.pk}").objects

    assert (first["Outcome"], first["Reply"]) == ("deferred", "421 4.4.1 Connection refused")
    assert (first["Tls"], first["TlsPolicy"]) == ("", "MTA-STS")
    assert (last["Outcome"], last["Host"], last["Stage"]) == ("delivered", "mx.fabrikam.com", "DOT")
    assert last["Tls"] == "TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified: CN=mx.fabrikam.com"
    assert last["TlsPolicy"] == "DANE"


@pytest.mark.parametrize("source", ["Get-Message -Server *", "Get-Message -Server * | select *"])
def test_messages_of_a_pipeline_are_taken(listed, message, source):
    assert [one["InternalMessageId"] for one in listed(f"{source} | Get-MessageAttempt").objects] == [
        message.pk,
        message.pk,
    ]


def test_events_of_the_tracking_log_are_taken_each_message_once(listed, message):
    tracked_mail.received(message.pk, at=timezone.now())
    tracked_mail.sent(message.pk, at=timezone.now())

    assert len(listed("Get-MessageTrackingLog -Server * | Get-MessageAttempt").objects) == 2


def test_a_message_without_attempts_has_none_and_no_message_is_an_error(listed, refused):
    assert listed("Get-MessageAttempt 4711").objects == []
    assert "needs -InternalMessageId" in refused("Get-MessageAttempt")
