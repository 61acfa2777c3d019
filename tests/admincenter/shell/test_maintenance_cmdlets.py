import pytest
from django.utils import timezone

from tests.support import queued_mail
from transport.models import Queue, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture(autouse=True)
def servers():
    for name in ("E15MB1", "E15MB2"):
        TransportServer.objects.create(
            name=name, fqdn=f"{name.lower()}.contoso.test", last_beat_at=timezone.now()
        )


def test_a_server_is_drained_and_taken_back_as_exchange_writes_it(ems, listed):
    line = "Set-ServerComponentState E15MB1 -Component HubTransport -Requester Maintenance -State"
    assert ems(f"{line} Draining").notes == "E15MB1 is Draining.\n"
    assert ems(f"{line} Draining").notes == "E15MB1 is already Draining.\n"
    assert [row["State"] for row in listed("Get-ServerComponentState").objects] == ["Draining", "Active"]
    assert [row["State"] for row in listed("Get-TransportService").objects] == ["Draining", "Active"]
    ems(f"{line} Active")

    assert listed("Get-ServerComponentState E15MB1").objects[0]["State"] == "Active"


def test_mail_is_redirected_as_exchange_writes_it(ems, listed):
    answer = ems("Redirect-Message -Server E15MB1 -Target e15mb2.contoso.test -Confirm:$false")

    assert answer.notes.startswith("The mail of E15MB1 goes to E15MB2;")
    assert listed("Get-ServerComponentState E15MB1").objects[0]["RedirectTo"] == "E15MB2"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Redirect-Message -Server E15MB1 -Target E15MB1", "another server than its own"),
        ("Redirect-Message -Server E15MB1 -Target E15MB9", "there is no transport server E15MB9"),
        ("Redirect-Message -Server E15MB1", "-Target"),
        ("Set-ServerComponentState E15MB1 -State Off", "one of Active, Draining is expected"),
        ("Set-ServerComponentState E15MB1 -State Active -Component UMCallRouter", "HubTransport is meant"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(refused, line, why):
    assert why in refused(line)


def test_a_queue_is_resubmitted(ems):
    queue = queued_mail.queue_in_retry("fabrikam.com")
    queued_mail.message(queue)
    queued_mail.message(queued_mail.queue("contoso.com"))

    assert ems(r"Retry-Queue E15MB1\fabrikam.com -Resubmit $true").notes == "Queues retried: 1 of 1.\n"
    assert ems("Get-Queue | Retry-Queue -Resubmit $true").notes.startswith("Queues retried: 1 of 2.")
    assert ems(r"Retry-Queue E15MB1\contoso.com -Resubmit $true").notes.startswith("Queues retried: 0 of 1.")
    assert Queue.objects.get(pk=queue.pk).resubmit_until > 0
