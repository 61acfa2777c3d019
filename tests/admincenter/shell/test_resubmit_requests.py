"""The Safety Net as Exchange's documentation writes it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from transport.models import ResubmitRequest, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]
SPAN = "-StartTime '2026-11-23 16:00' -EndTime '2026-11-23 17:00'"


@pytest.fixture(autouse=True)
def server():
    fqdn = "e15mb1.contoso.test"
    return TransportServer.objects.create(name="E15MB1", fqdn=fqdn, last_beat_at=timezone.now())


def test_a_request_is_added_shown_cancelled_and_removed(ems, listed):
    (made,) = listed(f"Add-ResubmitRequest {SPAN} -Recipient bob@fabrikam.com -Confirm:$false").objects
    assert (made["State"], made["Recipient"], made["Server"]) == ("Running", "bob@fabrikam.com", "E15MB1")
    number = made["Identity"]
    assert ems(f"Set-ResubmitRequest {number} -Enabled $false").notes == (
        f"Resubmit request {number} is cancelled.\n"
    )
    assert listed(f"Get-ResubmitRequest {number}").objects[0]["State"] == "Cancelled"
    ems("Get-ResubmitRequest | Remove-ResubmitRequest -Confirm:$false")

    assert not ResubmitRequest.objects.exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Add-ResubmitRequest -StartTime '2026-11-23 16:00'", "-EndTime"),
        (
            "Add-ResubmitRequest -StartTime '2026-11-23 16:00' -EndTime '2026-11-23 15:00'",
            "EndTime is not after StartTime",
        ),
        (f"Add-ResubmitRequest {SPAN} -Server E15MB9", "there is no transport server E15MB9"),
        ("Get-ResubmitRequest 99", "there is no resubmit request 99"),
        ("Remove-ResubmitRequest", "needs -Identity"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(refused, line, why):
    assert why in refused(line)


def test_nothing_is_copied_that_was_delivered_in_the_future(refused):
    soon = timezone.now() + timedelta(days=1)
    line = f"Add-ResubmitRequest -StartTime {soon:%Y-%m-%d} -EndTime {soon + timedelta(days=1):%Y-%m-%d}"

    assert "StartTime is in the future" in refused(line)
