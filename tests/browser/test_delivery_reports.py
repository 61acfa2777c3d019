"""A person looks for a message and reads what became of it."""

import pytest
from django.utils import timezone

from tests.browser.test_accessibility import barriers
from transport import tracking
from transport.models import TransportServer
from transport.tracking import EventId, Line, Source

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
SEARCH = "/mail-flow/delivery-reports/"
REFUSED = "550 5.1.1 <bob@fabrikam.test>: Recipient address rejected: User unknown"


@pytest.fixture
def stories(servers):  # noqa: ARG001 - one of them accepted the mail
    """Two messages: one refused after it was put off, one with the longest names."""
    here, now = TransportServer.objects.get(name="E15MB1").pk, timezone.now()
    about = {"server_id": here, "message_id": 41, "source": Source.SMTP, "recipients": "bob@fabrikam.test"}
    host = {"peer_name": "mx.fabrikam.test", "peer_address": "192.0.2.1:25", "connector": "Internet"}
    opening = {"sender": "anna@contoso.com", "internet_message_id": "<1@contoso.com>", "total_bytes": 4096}
    client = {"peer_name": "printer.contoso.com", "peer_address": "10.0.0.7:41234", "connector": "Default"}
    lines = [
        Line(**about, event=EventId.RECEIVE, **opening, **client, subject="Invoice 4711"),
        Line(**about, event=EventId.DEFER, **host, statuses="451 4.7.1 Try again later"),
        Line(**about, event=EventId.FAIL, **host, statuses=REFUSED, context="08DE000000000001"),
        Line(
            **about
            | {"message_id": 42, "recipients": "\n".join(f"{'r' * 60}{n}@{'d' * 60}.test" for n in range(5))},
            event=EventId.RECEIVE,
            **opening | {"sender": f"{'s' * 64}@{'t' * 63}.example"},
            subject="W" * 255,
        ),
    ]
    tracking.write(lines, now=now)


@pytest.mark.usefixtures("stories")
def test_a_person_finds_a_message_and_reads_why_it_failed(console):
    console.open(SEARCH)
    found = barriers(console)
    console.page.get_by_label("Recipient contains").fill("fabrikam")
    console.page.get_by_role("button", name="Search").click()
    console.page.get_by_role("link", name="Invoice 4711").click()
    console.page.get_by_role("heading", name="Invoice 4711").wait_for()
    steps = console.page.locator(".event .badge").all_inner_texts()
    found += barriers(console)
    assert steps == ["Accepted", "Put off", "Failed"]
    assert console.page.get_by_text(REFUSED).count() == 2

    console.page.get_by_role("link", name="SMTP session 08DE000000000001").click()
    console.page.get_by_role("heading", name="Nothing was logged").wait_for()
    assert found + barriers(console) == []


def test_no_message_and_a_wrong_range(console):
    console.open(SEARCH)
    found = barriers(console)
    console.open(f"{SEARCH}?since=9y")

    assert found + barriers(console) == []


@pytest.mark.usefixtures("stories")
def test_the_longest_names(console):
    console.open(f"{SEARCH}42/")

    assert barriers(console) == []
