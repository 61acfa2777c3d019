"""The list of queues: what it shows, narrows, sorts, and how it refreshes itself."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support import queued_mail
from transport.models import Queue
from transport.states import DeliveryType, QueuedState

pytestmark = pytest.mark.django_db
LIST = "/mail-flow/queues/"
PART = "queue-list"


def rows(response):
    return response.context["page"].rows


def domains(response):
    return [row.next_hop for row in rows(response)]


def test_the_list_asks_who_is_there():
    response = Client().get(LIST)

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def test_a_row_tells_everything_about_a_queue(client):
    queue = queued_mail.queue_in_retry("fabrikam.com", incoming_rate=1.5, outgoing_rate=0.25)
    queued_mail.message(queue)

    response = client.get(LIST)
    (row,) = rows(response)

    assert row.identity == f"E15MB1\\{queue.pk}"
    assert (row.delivery, row.delivery_type) == ("MX record", "DnsConnectorDelivery")
    assert (row.status, row.message_count) == ("Retry", 1)
    assert (row.velocity, row.trend) == ("\N{MINUS SIGN}1.25", "growing")
    assert row.next_retry_at == queue.next_retry_at
    for text in (
        "fabrikam.com",
        "421 4.4.1 Connection refused",
        "mx.fabrikam.com 192.0.2.25:25",
        "in 4 minutes",
    ):
        assert text in response.text


@pytest.mark.parametrize(
    ("incoming", "outgoing", "velocity", "trend"),
    [
        (0, 0, "0", "idle"),
        (2, 2, "0", "balanced"),
        (1, 3.5, "+2.50", "draining"),
        (0.1, 0.102, "0", "balanced"),
    ],
)
def test_a_velocity_of_nothing_is_idle_or_balanced(client, incoming, outgoing, velocity, trend):
    queued_mail.queue(incoming_rate=incoming, outgoing_rate=outgoing)

    (row,) = rows(client.get(LIST))

    assert (row.velocity, row.trend) == (velocity, trend)


def test_an_internationalized_domain_is_readable_and_its_a_label_stands_beside_it(client):
    queued_mail.queue("xn--bcher-kva.example")

    response = client.get(LIST)

    assert domains(response) == ["bücher.example"]
    assert 'title="xn--bcher-kva.example"' in response.text


def test_every_status_has_its_word(client):
    queued_mail.queue_in_retry("retry.test", message_count=1)
    queued_mail.queue("suspended.test", suspended=True)
    queued_mail.queue("ready.test")
    queued_mail.session(queued_mail.queue("active.test", message_count=1))
    queued_mail.session(queued_mail.queue("connecting.test", message_count=1), connected=False)

    found = {row.next_hop: row.status for row in rows(client.get(LIST))}

    assert found == {f"{word.lower()}.test": word for word in found.values()}
    assert len(found) == 5


def test_the_persistent_queues_show_only_while_something_is_in_them(client):
    kept = {"connector_id": 0, "connector_name": ""}
    queued_mail.queue("Submission", kind=DeliveryType.SUBMISSION, **kept)
    unreachable = queued_mail.queue("Unreachable Domain", kind=DeliveryType.UNREACHABLE, **kept)
    assert domains(client.get(LIST)) == []

    queued_mail.message(unreachable)

    assert [row.identity for row in rows(client.get(LIST))] == ["E15MB1\\Unreachable"]


def test_a_suspended_persistent_queue_can_be_found_and_resumed(client):
    queued_mail.queue("Submission", kind=DeliveryType.SUBMISSION, suspended=True)

    assert [row.identity for row in rows(client.get(LIST))] == ["E15MB1\\Submission"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("next_hop=FABRI", ["fabrikam.com"]),
        ("next_hop=bücher", ["bücher.example"]),
        ("next_hop=xn--b", ["bücher.example"]),
        ("status=Retry", ["fabrikam.com"]),
        ("status=Suspended", ["bücher.example"]),
        ("error=refused", ["fabrikam.com"]),
        ("error=192.0.2.25", ["fabrikam.com"]),
        ("error=421 * refused", ["fabrikam.com"]),
        ("error=421 * denied", []),
        ("error=%25*refused", []),
        ("error=refused&status=Suspended", []),
        ("next_hop=%25", []),
        ("next_hop=", ["fabrikam.com", "bücher.example"]),
    ],
)
def test_the_filter_in_the_address_narrows_the_list(client, query, found):
    queued_mail.queue_in_retry("fabrikam.com", message_count=1)
    queued_mail.queue("xn--bcher-kva.example", suspended=True)

    assert domains(client.get(f"{LIST}?{query}")) == found


def test_a_wrong_filter_is_named_and_left_out(client):
    queued_mail.queue("fabrikam.com")

    response = client.get(f"{LIST}?status=<b>Happy&next_hop={'x' * 201}")

    assert domains(response) == ["fabrikam.com"]
    assert "“&lt;b&gt;Happy” is none of Active, Connecting, Ready, Retry, Suspended" in response.text
    assert "Next hop domain contains: at most 200 characters" in response.text


@pytest.mark.parametrize(
    "column", ["identity", "next_hop", "delivery", "status", "messages", "velocity", "next_retry", "error"]
)
def test_each_column_sorts_both_ways(client, column):
    queued_mail.queue("b.test", message_count=2, outgoing_rate=1)
    queued_mail.queue_in_retry("a.test", message_count=1, incoming_rate=1, kind=DeliveryType.SMART_HOST)

    up, down = (domains(client.get(f"{LIST}?sort={sign}{column}")) for sign in ("", "-"))

    assert sorted(up) == sorted(down) == ["a.test", "b.test"]
    if column == "next_retry":
        assert up == down == ["a.test", "b.test"]
    else:
        assert up == down[::-1]


def test_a_header_keeps_the_filter_and_forgets_the_page(client):
    queued_mail.queue("fabrikam.com")

    response = client.get(f"{LIST}?next_hop=fab&page=1")

    assert 'href="?next_hop=fab&amp;sort=messages"' in response.text


@pytest.mark.parametrize(
    "query", ["sort=--x", "page=0", "page=99", "page=" + "9" * 40, "page=%00", "next_hop=%00", "status="]
)
def test_a_senseless_address_shows_the_list(client, query):
    queued_mail.queue("fabrikam.com")

    assert client.get(f"{LIST}?{query}").status_code == 200


def test_an_empty_list_says_what_it_would_show(client):
    assert "A queue appears here when mail waits" in client.get(LIST).text
    assert "No queue matches" in client.get(f"{LIST}?next_hop=x").text


def test_a_refresh_brings_the_rows_only_when_something_changed(client, htmx):
    queue = queued_mail.queue_in_retry("fabrikam.com", message_count=1)
    seen = client.get(LIST).context["version"]

    assert htmx.refresh(LIST, PART, seen=seen).status_code == 204

    Queue.objects.filter(pk=queue.pk).update(message_count=2)
    response = htmx.refresh(LIST, PART, seen=seen)

    assert response.status_code == 200
    assert response.text.lstrip().startswith('<section class="live"')
    assert response.context["version"] != seen
    assert f'"Seen": "{response.context["version"]}"' in response.text
    assert "HX-Replace-Url" not in response


def test_time_that_passes_is_no_change(client, time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    queued_mail.queue_in_retry("fabrikam.com", message_count=1)
    before = client.get(LIST).context["version"]
    time_machine.move_to(now + timedelta(minutes=1), tick=False)

    assert client.get(LIST).context["version"] == before


def test_a_filter_typed_with_htmx_lands_in_the_address_without_its_empty_fields(htmx):
    response = htmx.refresh(LIST, PART, query="?next_hop=fab&status=&error=&sort=-messages")

    assert response["HX-Replace-Url"] == f"{LIST}?next_hop=fab&sort=-messages"
    assert "<html" not in response.text


def test_foreign_text_is_shown_as_text(client):
    queued_mail.queue_in_retry(
        "evil.test",
        message_count=1,
        last_error="<script>alert(1)</script>\u202eflow\x01\x1b[31m",
        last_error_host="<img src=x>",
    )

    text = client.get(LIST).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;flow" in text
    assert "<script>alert" not in text
    assert "<img src=x>" not in text
    assert not set("\u202e\x01\x1b") & set(text)


def test_a_broken_row_does_not_break_the_page(client):
    queue = queued_mail.queue("fabrikam.com", incoming_rate=float("inf"), message_count=-3)
    Queue.objects.filter(pk=queue.pk).update(
        delivery_type="Carrier pigeon",
        next_hop_domain="xn--zzzz--,,\udcff".encode("utf-8", "replace").decode(),
    )

    response = client.get(LIST)

    assert response.status_code == 200
    assert "Carrier pigeon" in response.text
    assert client.get(f"{LIST}{queue.pk}/").status_code == 200


def test_many_queues_stand_on_pages(client):
    for number in range(105):
        queued_mail.queue(f"d{number:03}.test")

    first, second = client.get(LIST), client.get(f"{LIST}?page=2")

    assert (len(rows(first)), len(rows(second))) == (100, 5)
    assert "105 queues" in first.text
    assert "Page 2 of 2" in second.text


def test_the_list_asks_the_database_little(client, django_assert_max_num_queries):
    for number in range(60):
        queued_mail.queue_in_retry(f"d{number}.test")

    with django_assert_max_num_queries(10):
        client.get(LIST)


def test_mail_flow_has_a_tab_for_it(client):
    assert f'href="{reverse("queue_viewer:list")}" aria-current="page"' in client.get(LIST).text


def test_a_queue_whose_messages_were_put_off_says_when_the_first_is_tried(client):
    queue = queued_mail.queue("fabrikam.com", last_error="451 4.7.1 Greylisted")
    later = timezone.now() + timedelta(minutes=4)
    queued_mail.message(queue, state=QueuedState.RETRY, more={"next_attempt_at": later})
    (row,) = rows(client.get(LIST))

    assert (row.status, row.next_retry_at) == ("Ready", later)
    assert "waits for a time of its own" in client.get(f"{LIST}{queue.pk}/").content.decode()


def test_a_row_says_what_holds_its_queue_back_unless_its_status_does(client):
    queued_mail.message(queued_mail.queue("busy.test", throttled_by="20 connections"))
    queued_mail.message(queued_mail.queue_in_retry("gone.test"))
    text = client.get(LIST).text

    assert text.count("held back by: ") == 1
    assert "held back by: 20 connections" in text
