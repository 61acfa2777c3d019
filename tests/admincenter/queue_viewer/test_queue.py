"""The page of one queue: its facts and its messages, a page at a time."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.support import queued_mail
from transport.models import Message, Queue, QueuedMessage, Recipient
from transport.states import DeliveryType, Pending, QueuedState

pytestmark = pytest.mark.django_db
PART = "message-list"


def page(client, queue, query=""):
    response = client.get(f"/mail-flow/queues/{queue.pk}/{query}")
    assert response.status_code == 200
    return response


def subjects(response):
    return [row.subject for row in response.context["page"].rows]


def fill(queue, count):
    """Many messages at once."""
    now = timezone.now()
    messages = Message.objects.bulk_create(
        Message(
            server=queue.server,
            mail_from=f"s{n}@contoso.com",
            subject=f"m{n:04}",
            size_bytes=1,
            source="SMTP",
            received_at=now,
        )
        for n in range(count)
    )
    queued = QueuedMessage.objects.bulk_create(
        QueuedMessage(message=one, queue=queue, next_attempt_at=now, entered_at=now, expires_at=now)
        for one in messages
    )
    Recipient.objects.bulk_create(
        Recipient(message=one.message, queued_message_id=one.pk, address=f"r{n}@fabrikam.com")
        for one in queued
        for n in range(2)
    )
    Queue.objects.filter(pk=queue.pk).update(message_count=count)


def test_the_head_tells_the_facts(client):
    queue = queued_mail.queue_in_retry(
        "xn--bcher-kva.example", incoming_rate=1, outgoing_rate=3, connector_name="To Germany"
    )
    queued_mail.message(queue)

    text = page(client, queue).text

    for fact in (
        "bücher.example",
        "xn--bcher-kva.example",
        f"E15MB1\\{queue.pk}",
        "Retry",
        "421 4.4.1 Connection refused",
        "mx.xn--bcher-kva.example 192.0.2.25:25",
        "To Germany",
        "DnsConnectorDelivery",
        "+2.00",
        "draining",
        "in 4 minutes",
        "20 minutes ago",
        "It waits for the next one.",
    ):
        assert fact in text


def test_a_row_tells_everything_about_a_message(client):
    queue = queued_mail.queue("fabrikam.com")
    soon = timezone.now() + timedelta(minutes=10)
    queued = queued_mail.message(
        queue,
        "bob@fabrikam.com",
        "eve@fabrikam.com",
        "dan@fabrikam.com",
        state=QueuedState.RETRY,
        subject="Figures",
        size_bytes=10_241,
        more={"retry_count": 4, "last_error": "451 4.7.1 Greylisted", "next_attempt_at": soon},
    )

    (row,) = page(client, queue).context["page"].rows

    assert row.identity == f"E15MB1\\{queue.pk}\\{queued.message_id}"
    assert (row.sender, row.recipient, row.more_recipients) == ("anna@contoso.com", "bob@fabrikam.com", 2)
    assert (row.subject, row.size, row.status) == ("Figures", "11 KB", "Retry")
    assert (row.retry_count, row.last_error, row.next_attempt_at) == (4, "451 4.7.1 Greylisted", soon)


def test_a_message_waits_for_its_queue(client):
    queue = queued_mail.queue_in_retry("fabrikam.com")
    queued_mail.message(queue)

    (row,) = page(client, queue).context["page"].rows

    assert (row.status, row.next_attempt_at) == ("Retry", queue.next_retry_at)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"suspended": True}, QueuedState.READY),
        ({}, QueuedState.SUSPENDED),
        ({}, QueuedState.ACTIVE),
        ({"removal": Pending.REMOVE}, QueuedState.READY),
        ({"kind": DeliveryType.UNREACHABLE}, QueuedState.READY),
    ],
)
def test_what_does_not_wait_for_its_turn_has_no_next_attempt(client, fields, state):
    queue = queued_mail.queue("fabrikam.com", **fields)
    queued_mail.message(queue, state=state)

    (row,) = page(client, queue).context["page"].rows

    assert row.next_attempt_at is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sender=ANNA", ["a", "s", "p"]),
        ("sender=<>", ["bounce"]),
        ("recipient=eve", ["s"]),
        ("subject=bou", ["bounce"]),
        ("status=Suspended", ["s"]),
        ("status=Ready", ["a", "bounce"]),
        ("status=Pending+Remove", ["p"]),
        ("status=Retry", []),
        ("status=Active", []),
        ("status=Suspended&recipient=bob", []),
    ],
)
def test_the_filter_narrows_the_messages(client, query, found):
    queue = queued_mail.queue("fabrikam.com")
    queued_mail.message(queue, subject="a")
    queued_mail.message(queue, "eve@fabrikam.com", subject="s", state=QueuedState.SUSPENDED)
    queued_mail.message(queue, subject="bounce", mail_from="")
    queued_mail.message(queue, subject="p", state=QueuedState.ACTIVE, pending=Pending.REMOVE)

    assert subjects(page(client, queue, f"?{query}")) == found


@pytest.mark.parametrize("in_retry", [True, False])
def test_the_status_filter_agrees_with_the_status_that_is_shown(client, in_retry):
    queue = (queued_mail.queue_in_retry if in_retry else queued_mail.queue)("fabrikam.com")
    for state in QueuedState:
        for pending in Pending if state == QueuedState.ACTIVE else [Pending.NOTHING]:
            queued_mail.message(queue, state=state, pending=pending)
    everything = page(client, queue).context["page"].rows

    for status in ("Active", "Ready", "Retry", "Suspended", "Pending Suspend", "Pending Remove"):
        found = page(client, queue, f"?status={status}").context["page"].rows

        assert [row.pk for row in found] == [row.pk for row in everything if row.status == status]


def test_pages_lead_on_and_back_without_a_gap(client):
    queue = queued_mail.queue("fabrikam.com")
    fill(queue, 250)

    first = page(client, queue)
    second = page(client, queue, f"?after={first.context['page'].following}")
    third = page(client, queue, f"?after={second.context['page'].following}")
    back = page(client, queue, f"?before={third.context['page'].previous}")

    assert subjects(first) + subjects(second) + subjects(third) == [f"m{n:04}" for n in range(250)]
    assert third.context["page"].following == 0
    assert first.context["page"].previous == 0
    assert subjects(back) == subjects(second)


def test_a_page_that_was_sent_meanwhile_leads_back(client):
    queue = queued_mail.queue("fabrikam.com")
    last = queued_mail.message(queue)

    response = page(client, queue, f"?after={last.pk}")

    assert subjects(response) == []
    assert subjects(page(client, queue, f"?before={response.context['page'].previous}")) == ["Hello"]


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=-1", "?before=" + "9" * 30, "?after=%00", "?sender=%00"]
)
def test_a_senseless_address_shows_the_first_page(client, query):
    queue = queued_mail.queue("fabrikam.com")
    queued_mail.message(queue)

    assert page(client, queue, query).status_code == 200


def test_a_search_stops_after_so_many_and_can_go_on(client, monkeypatch):
    monkeypatch.setattr("admincenter.queue_viewer.listing.SCAN_LIMIT", 100)
    queue = queued_mail.queue("fabrikam.com")
    fill(queue, 250)

    first = page(client, queue, "?subject=m024")
    assert subjects(first) == []
    assert "No match among the 100 messages that were looked into" in first.text

    second = page(client, queue, f"?subject=m024&after={first.context['page'].following}")
    third = page(client, queue, f"?subject=m024&after={second.context['page'].following}")

    assert subjects(third) == [f"m{n:04}" for n in range(240, 250)]
    assert third.context["page"].following == 0


def test_a_thousand_messages_cost_no_more_queries_than_one(client, django_assert_max_num_queries):
    queue = queued_mail.queue("fabrikam.com")
    fill(queue, 1000)

    with django_assert_max_num_queries(15) as queries:
        response = page(client, queue, "?recipient=fabrikam")

    assert len(subjects(response)) == 100
    assert not [one["sql"] for one in queries if "COUNT(*)" in one["sql"] and "queuedmessage" in one["sql"]]


def test_a_refresh_brings_facts_and_messages_only_when_something_changed(client, htmx):
    queue = queued_mail.queue("fabrikam.com")
    queued = queued_mail.message(queue)
    address = f"/mail-flow/queues/{queue.pk}/"
    seen = page(client, queue).context["version"]

    assert htmx.refresh(address, PART, seen=seen).status_code == 204

    QueuedMessage.objects.filter(pk=queued.pk).update(retry_count=1)
    response = htmx.refresh(address, PART, seen=seen)

    assert response.status_code == 200
    assert 'id="queue-facts" aria-label="Facts" hx-swap-oob="live"' in response.text
    assert f'id="message-{queued.pk}"' in response.text


def test_a_queue_that_went_says_so_where_it_was_open_and_stops_asking(client, htmx):
    assert client.get("/mail-flow/queues/99/").status_code == 404
    assert "This page is not here" in client.get("/mail-flow/queues/99/").text

    response = htmx.refresh("/mail-flow/queues/99/", PART, seen="x")

    assert response.status_code == 286
    assert "This queue is gone" in response.text


def test_an_id_that_no_table_can_hold_is_not_found(client):
    for path in (f"{10**30}/", f"messages/{10**30}/", f"export/{10**30}/"):
        assert client.get(f"/mail-flow/queues/{path}").status_code == 404


def test_foreign_text_is_shown_as_text(client):
    queue = queued_mail.queue("fabrikam.com")
    queued_mail.message(
        queue,
        "\u202e<b>@evil.test",
        subject="<script>alert(1)</script>",
        mail_from="<img src=x onerror=alert(2)>@x.test",
        more={"last_error": "550 <svg onload=alert(3)>"},
    )

    text = page(client, queue).text

    for tag in ("<script>alert", "<img src=x", "<b>@evil", "<svg onload", "\u202e"):
        assert tag not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_head_says_what_holds_the_queue_back_while_it_does(client):
    queue = queued_mail.queue(throttled_by="5 messages per second of send connector Internet")
    assert "Held back by" not in page(client, queue).text
    queued_mail.message(queue)

    assert "Held back by: 5 messages per second of send connector Internet" in page(client, queue).text
    Queue.objects.update(throttled_by="")
    assert "Held back by" not in page(client, queue).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"suspended": True, "throttled_by": "20 connections"}, "its suspension by an administrator"),
        ({"removal": "remove"}, "the removal of its messages"),
        (
            {"next_retry_at": datetime(2031, 5, 1, 12, 30, tzinfo=UTC), "retry_count": 1},
            "Retry until 2031-05-01 12:30:00 UTC",
        ),
        (
            {
                "next_retry_at": datetime(2031, 5, 1, 12, 30, tzinfo=UTC),
                "last_error": "454 4.7.0 Authentication failed at smtp.provider.test (535 5.7.8 No)",
            },
            "a refused login of send connector Internet, until 2031-05-01 12:30:00 UTC",
        ),
        (
            {"next_retry_at": datetime(2021, 5, 1, tzinfo=UTC), "throttled_by": "20 connections"},
            "20 connections",
        ),
    ],
)
def test_what_stands_in_the_way_first_is_named(fields, said):
    queue = queued_mail.queue(**fields)
    queued_mail.message(queue)

    assert queue.held_back_by(now=timezone.now()) == said


def test_the_mail_of_a_server_that_drains_is_held_back_by_that():
    queue = queued_mail.queue()
    queued_mail.message(queue)
    queue.server.component_state = "Draining"

    assert queue.held_back_by(now=timezone.now()) == "the drain of E15MB1, which hands its mail over"
