"""An administrator sends a test message and sees where it is."""

import email
import email.policy

import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from tests.support import engine
from transport.back_pressure import Level
from transport.models import Message, Recipient, ResourcePressure

pytestmark = [pytest.mark.django_db, pytest.mark.state]
PAGE = "/mail-flow/test-message/"


@pytest.fixture(autouse=True)
def world():
    engine.server()
    engine.connector()


@pytest.fixture
def typed(signed_in):
    """What the page is filled with; `once` is what it brought along."""
    once = signed_in.get(PAGE).context["form"]["once"].value()
    return {
        "sender": "anna@contoso.test",
        "recipients": "bob@fabrikam.test",
        "subject": "Does it arrive?",
        "body": "Hello,\r\nis anybody there?",
        "once": str(once),
    }


def content(message):
    raw = b"".join(bytes(chunk.data) for chunk in message.chunks.all())
    return email.message_from_bytes(raw, policy=email.policy.default)


def text(answer):
    return answer.content.decode()


def test_the_page_can_be_sent_as_it_is_but_for_the_recipient(signed_in):
    form = signed_in.get(PAGE + "?to=bob@fabrikam.test").context["form"]

    assert form["sender"].value() == "postmaster@e15mb1.admincenter.test"
    assert form["recipients"].value() == "bob@fabrikam.test"
    assert "anna sent this test message from E15MB1" in form["body"].value()


def test_it_is_accepted_like_all_mail_and_leads_to_its_page(signed_in, typed):
    answer = signed_in.post(PAGE, typed)
    message = Message.objects.get()
    page = signed_in.get(answer.url)

    assert answer.url == reverse("queue_viewer:message", args=[message.pk])
    assert (message.mail_from, message.source, message.subject) == (
        "anna@contoso.test",
        "Console",
        "Does it arrive?",
    )
    assert message.trusted_sender
    assert message.queued.get().queue.next_hop_domain == "fabrikam.test"
    assert content(message).get_content() == "Hello,\r\nis anybody there?"
    assert "The test message was accepted." in text(page)
    assert "No host has been tried yet." in text(page)


def test_several_recipients_are_separated_as_one_likes(signed_in, typed):
    signed_in.post(
        PAGE,
        typed | {"recipients": "bob@fabrikam.test, eva@fabrikam.test;carl@adatum.test bob@fabrikam.test"},
    )

    assert sorted(Recipient.objects.values_list("address", flat=True)) == [
        "bob@fabrikam.test",
        "carl@adatum.test",
        "eva@fabrikam.test",
    ]


def test_a_notification_is_asked_for_where_it_was_ticked(signed_in, typed):
    signed_in.post(PAGE, typed | {"notify": "on"})

    assert Recipient.objects.get().notify == "SUCCESS,FAILURE,DELAY"


def test_sending_the_same_page_twice_sends_one_message(signed_in, typed):
    first, second = signed_in.post(PAGE, typed), signed_in.post(PAGE, typed)

    assert first.url == second.url
    assert Message.objects.count() == 1


def test_another_message_from_a_page_that_was_sent_is_refused(signed_in, typed):
    signed_in.post(PAGE, typed)
    answer = signed_in.post(PAGE, typed | {"subject": "Another one"})

    assert answer.status_code == 422
    assert "another message was sent from this page" in text(answer)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("sender", "", "From: it is needed."),
        ("sender", "anna", "From anna: The address needs a domain."),
        ("sender", "Anna <anna@contoso.test>", "is not of the form local-part@domain"),
        ("recipients", "", "To: at least one recipient is needed."),
        ("recipients", "bob, eva@fabrikam.test", "To bob: The address needs a domain."),
        ("recipients", " ".join(f"{n}@b.test" for n in range(21)), "at most 20 recipients."),
        ("subject", "x\u2028Bcc: eve@evil.test", "Subject: it must be one line without control characters."),
        ("subject", "x" * 501, "Subject: it has 501 characters; 500 are allowed."),
        ("body", "x" * 20_001, "Message: at most 20000 characters."),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(signed_in, typed, field, value, sentence):
    answer = signed_in.post(PAGE, typed | {field: value})

    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors[field])
    assert 'aria-invalid="true"' in text(answer)
    assert not Message.objects.exists()


def test_a_server_that_takes_nothing_says_so_and_keeps_what_was_typed(signed_in, typed):
    ResourcePressure.objects.create(
        server=engine.server(), resource="UsedDiskSpace", level=Level.HIGH, value=99, normal=94, medium=96,
        high=98, since=timezone.now(),
    )  # fmt: skip
    answer = signed_in.post(PAGE, typed)

    assert answer.status_code == 503
    assert "The message was not sent: Insufficient system resources. Try again in a moment." in text(answer)
    assert "Does it arrive?" in text(answer)
    assert not Message.objects.exists()


def test_a_database_that_will_not_take_it_says_so(signed_in, typed):
    def away(execute, sql, *rest):
        if sql.startswith("INSERT INTO") and "transport_content" in sql:
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = signed_in.post(PAGE, typed)

    assert answer.status_code == 503
    assert "The message was not sent: It cannot be stored now. Try again in a moment." in text(answer)


@pytest.mark.parametrize("page", ["/mail-flow/send-connectors/", "/mail-flow/queues/"])
def test_it_is_reached_from_the_lists(signed_in, page):
    assert f'href="{PAGE}"' in text(signed_in.get(page))


def test_who_has_no_right_sends_nothing(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("bob"))

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE).status_code == 403


def test_what_was_sent_is_logged_with_who_did_it(signed_in, typed, caplog):
    caplog.set_level("INFO")
    signed_in.post(PAGE, typed)
    (said,) = (record for record in caplog.records if record.message == "test_message_sent")

    assert (said.actor, said.message_id, said.recipients) == (
        "anna",
        Message.objects.get().pk,
        ["bob@fabrikam.test"],
    )
