"""What became of a message: found by what a person remembers, told in the order of time."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from admincenter.delivery_reports import results
from tests.support.engine import (
    DELIVERED,
    GREYLISTED,
    UNKNOWN_USER,
    accept,
    connector,
    open_for,
    outcome,
    server,
    signature,
)
from transport import outcomes
from transport.log_rooms import send_room
from transport.models import Message, QueuedMessage, TrackingEvent
from transport.protocol_log import Direction, LogFiles, SessionLog
from transport.wishes import Settle

pytestmark = [pytest.mark.django_db, pytest.mark.state]
SEARCH = "delivery_reports:search"


def settle(*wishes) -> None:
    with transaction.atomic():
        outcomes.settle(wishes)


@pytest.fixture(autouse=True)
def _site():
    server()
    connector()


def delivered(*recipients, reply=DELIVERED) -> int:
    message_id = accept(*recipients)
    opened = open_for(QueuedMessage.objects.get(message=message_id))
    said, soon = signature(opened), timezone.now() + timedelta(minutes=5)
    settle(
        Settle(
            outcome=replace(
                outcome(opened, reply, retry_at=soon if reply is GREYLISTED else None),
                server_id=said.server_id,
                smtp_session=said.smtp_session,
            )
        )
    )
    return message_id


def text(page) -> str:
    return " ".join(page.content.decode().split())


def story(signed_in, message_id) -> str:
    return text(signed_in.get(reverse("delivery_reports:story", args=[message_id])))


def test_a_delivered_message_is_listed_with_its_outcome(signed_in):
    delivered("bob@fabrikam.test")
    page = text(signed_in.get(reverse(SEARCH)))

    assert "bob@fabrikam.test" in page
    assert "anna@contoso.test" in page
    assert ">Delivered</span>" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sender": "anna"}, True),
        ({"sender": "nobody"}, False),
        ({"recipient": "FABRIKAM"}, True),
        ({"recipient": "elsewhere"}, False),
        ({"subject": "hell"}, True),
        ({"subject": "other"}, False),
        ({"message_id": "<1@client.test>"}, True),
        ({"message_id": "1@client.test"}, True),
        ({"message_id": "<2@client.test>"}, False),
        ({"recipient": "100%"}, False),
    ],
)
def test_a_search_finds_what_contains_the_words(signed_in, query, found):
    delivered("bob@fabrikam.test")
    page = text(signed_in.get(reverse(SEARCH), query))

    assert ("bob@fabrikam.test</span>" in page) is found
    assert ("No message found" in page) is not found


def test_what_is_older_than_the_range_is_not_found(signed_in):
    delivered("bob@fabrikam.test")
    TrackingEvent.objects.update(at=timezone.now() - timedelta(days=2))

    assert "No message found" in text(signed_in.get(reverse(SEARCH)))
    assert "No message found" not in text(signed_in.get(reverse(SEARCH), {"since": "7d"}))


def test_a_range_that_does_not_exist_is_said_at_its_field(signed_in):
    page = signed_in.get(reverse(SEARCH), {"since": "9y"})

    assert page.status_code == 422
    assert "“9y” is none of the ranges" in text(page)


@pytest.mark.parametrize("place", ["nonsense", "2026-01-01T00:00:00~7", "~", "2026-01-01T00:00:00+00:00~x"])
def test_a_place_that_is_none_means_the_newest(signed_in, place):
    delivered("bob@fabrikam.test")

    assert "bob@fabrikam.test" in text(signed_in.get(reverse(SEARCH), {"before": place}))


def test_older_messages_stand_on_the_next_page_and_none_is_missing_or_twice(signed_in, monkeypatch):
    monkeypatch.setattr(results, "ROWS", 2)
    for number in range(5):
        accept(f"user{number}@fabrikam.test")
    address, seen = reverse(SEARCH), []
    while address:
        page = signed_in.get(address)
        seen += [row.recipient for row in page.context["found"].rows]
        address = reverse(SEARCH) + page.context["older"] if page.context["older"] else ""

    assert seen == [f"user{number}@fabrikam.test" for number in reversed(range(5))]


def test_the_story_says_who_took_it_and_what_was_replied(signed_in):
    told = story(signed_in, delivered("bob@fabrikam.test"))

    assert told.index(">Accepted</span>") < told.index(">Delivered</span>", told.index("What happened"))
    assert "mx.test" in told
    assert "250 2.0.0 Queued as 7" in told
    assert "by send connector Internet" in told


def test_each_recipient_has_its_last_word(signed_in):
    told = story(signed_in, delivered("bob@fabrikam.test", reply=GREYLISTED))
    assert ">Put off</span>" in told
    assert ">Waiting</span>" in told

    told = story(signed_in, delivered("eva@fabrikam.test", reply=UNKNOWN_USER))
    assert ">Failed</span>" in told
    assert UNKNOWN_USER.line in told


def test_the_story_stays_when_the_message_has_gone(signed_in):
    message_id = delivered("bob@fabrikam.test")
    assert "Queues, attempts and actions" in story(signed_in, message_id)
    Message.objects.filter(pk=message_id).delete()

    told = story(signed_in, message_id)
    assert "the log keeps its story" in told
    assert "Queues, attempts and actions" not in told


def test_hostile_text_is_shown_as_text(signed_in):
    message_id = delivered("bob@fabrikam.test")
    TrackingEvent.objects.update(subject="<script>alert(1)</script>", statuses="<b>550\x1b[2J")

    for page in (story(signed_in, message_id), text(signed_in.get(reverse(SEARCH)))):
        assert "<script>alert" not in page
        assert "<b>550" not in page
        assert "\x1b" not in page


def test_a_message_that_came_while_tracking_was_off_has_no_story_and_leads_to_where_it_is(signed_in):
    message_id = accept("bob@fabrikam.test")
    TrackingEvent.objects.all().delete()
    told = story(signed_in, message_id)

    assert "No delivery report" in told
    assert reverse("queue_viewer:message", args=[message_id]) in told


def test_a_message_that_the_log_does_not_know_is_not_found(signed_in):
    assert signed_in.get(reverse("delivery_reports:story", args=[12345])).status_code == 404


def test_the_dialogue_of_a_session_that_was_not_logged_says_how_to_log_it(signed_in):
    message_id = delivered("bob@fabrikam.test")
    session = TrackingEvent.objects.get(message_id=message_id, event="SEND").context
    page = signed_in.get(reverse("delivery_reports:dialogue", args=[message_id, session]))

    assert page.status_code == 200
    assert "protocol logging is Verbose" in text(page)


def test_the_dialogue_is_shown_line_by_line_as_text(signed_in, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    message_id = delivered("bob@fabrikam.test")
    session = TrackingEvent.objects.get(message_id=message_id, event="SEND").context
    log = SessionLog(LogFiles(Direction.SEND, room=send_room), connector="Internet")
    log.begin(session, remote="mx.test")
    log(">", "EHLO e15mb1.contoso.com")
    log("<", "250 <b>hello</b>")
    log.close()
    page = text(signed_in.get(reverse("delivery_reports:dialogue", args=[message_id, session])))

    assert page.index("we say") < page.index("EHLO e15mb1.contoso.com") < page.index("they say")
    assert "250 &lt;b&gt;hello&lt;/b&gt;" in page


def test_a_session_that_did_not_carry_the_message_is_not_found(signed_in):
    message_id = delivered("bob@fabrikam.test")
    for session in ("0" * 16, "..%2F..%2Fetc", "x"):
        page = signed_in.get(f"/mail-flow/delivery-reports/{message_id}/dialogue/{session}/")
        assert page.status_code == 404


def test_a_page_of_results_takes_few_queries(signed_in, django_assert_max_num_queries):
    for number in range(20):
        delivered(f"user{number}@fabrikam.test")

    with django_assert_max_num_queries(12):
        signed_in.get(reverse(SEARCH))


def exported(signed_in, **query):
    answer = signed_in.get(reverse("delivery_reports:export"), query)
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return answer, list(csv.DictReader(io.StringIO(content)))


def test_all_that_a_search_finds_is_exported(signed_in, monkeypatch):
    monkeypatch.setattr(results, "EXPORTED_AT_ONCE", 2)
    delivered("bob@fabrikam.test", "eva@fabrikam.test")
    for number in range(5):
        accept(f"user{number}@fabrikam.test")
    answer, rows = exported(signed_in, recipient="fabrikam")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="delivery-reports-')
    assert [row["To"] for row in rows] == [
        *(f"user{number}@fabrikam.test" for number in reversed(range(5))),
        "bob@fabrikam.test; eva@fabrikam.test",
    ]
    assert (rows[-1]["Outcome"], rows[-1]["Delivered"], rows[0]["Outcome"]) == (
        "Delivered",
        "2",
        "On its way",
    )


def test_an_exported_cell_is_no_formula(signed_in):
    delivered("bob@fabrikam.test")
    TrackingEvent.objects.update(subject='=HYPERLINK("http://evil.test")', sender="@SUM(1+1)*cmd|calc")
    _, (row,) = exported(signed_in)

    assert row["Subject"] == '\'=HYPERLINK("http://evil.test")'
    assert row["From"].startswith("'@SUM")


def test_an_export_of_a_wrong_search_is_refused_with_its_page(signed_in):
    page = signed_in.get(reverse("delivery_reports:export"), {"since": "9y"})

    assert page.status_code == 422
    assert "“9y” is none of the ranges" in text(page)
