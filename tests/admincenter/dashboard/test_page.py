"""The page that one opens in the morning: with mail, without, and with trouble of many kinds."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from connectors import services
from connectors.models import ReceiveConnector
from connectors.receive_services import FIRST_START
from tests.support import queued_mail
from transport.back_pressure import Level, Resource
from transport.models import MailMinute, Queue, ResourcePressure, TransportServer
from transport.states import ComponentState, DeliveryType, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
PAGE = "/dashboard/"
QUEUES = "/mail-flow/queues/"
PART = {"HX-Request": "true", "HX-Target": "dashboard"}
GREYLISTED = "451 4.7.1 Greylisted, come back in {} seconds"


def overview(client):
    return client.get(PAGE).context["overview"]


def titles(client):
    return [(one.title, one.message_count, one.queue_count) for one in overview(client).causes]


def minutes_ago(count):
    return timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=count)


def test_it_is_where_one_begins(signed_in):
    assert signed_in.get("/").url == PAGE
    assert Client().get(PAGE).url == f"/sign-in/?next={PAGE}"


def test_who_has_no_right_gets_403(db):  # noqa: ARG001 - the tables
    client = Client()
    client.force_login(get_user_model().objects.create_user("eve", password="a long enough password"))

    assert client.get(PAGE).status_code == 403
    assert client.get(PAGE, headers=PART).status_code == 403


def test_it_is_only_read(signed_in):
    assert signed_in.post(PAGE).status_code == 405


def test_on_the_first_day_it_says_what_to_do_next(signed_in):
    text = signed_in.get(PAGE).text

    for words in (
        "No mail can leave yet",
        'href="/mail-flow/send-connectors/new/"',
        "No queue is in trouble.",
        "Nothing was recorded in the last day.",
        "No transport server has registered yet.",
        "No connector was changed by an administrator yet.",
    ):
        assert words in text
    assert '<svg class="plot"' not in text


def test_mail_of_all_servers_is_counted_until_the_last_full_minute(signed_in):
    for name in ("E15MB1", "E15MB2"):
        server = queued_mail.server(name)
        for ago, count in ((0, 1000), (1, 10), (60, 20), (61, 30), (1440, 40), (1441, 50)):
            MailMinute.objects.create(server=server, minute=minutes_ago(ago), incoming=count, outgoing=1)
    page = signed_in.get(PAGE)
    found = page.context["overview"].mail

    assert (found.hour.incoming, found.hour.outgoing) == (60, 4)
    assert (found.day.incoming, found.day.outgoing) == (200, 8)
    assert len(found.hour.chart.numbers) == 60
    assert found.hour.chart.numbers[-1][1:] == ("20", "2")
    assert found.hour.chart.numbers[-2][1:] == ("not recorded", "not recorded")
    assert page.text.count('<svg class="plot" role="img" aria-label="Last') == 2
    assert "style=" not in page.text


@pytest.mark.parametrize("minute", [0, 7, 59])
def test_the_day_is_drawn_by_whole_quarters_of_an_hour(signed_in, time_machine, minute):
    now = datetime(2026, 11, 27, 9, minute, 30, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    start = now.replace(second=0) - timedelta(days=1)
    for number in range(0, 1440, 5):
        at = start + timedelta(minutes=number)
        MailMinute.objects.create(server=queued_mail.server(), minute=at, incoming=3, outgoing=3)
    numbers = overview(signed_in).mail.day.chart.numbers

    assert {row[1:] for row in numbers} == {("3", "3")}
    assert {row[0][3:] for row in numbers} == {"00", "15", "30", "45"}
    assert len(numbers) == (96 if minute == 0 else 97)


def test_what_waits_and_the_oldest_of_it(signed_in):
    first, second = queued_mail.queue("a.test"), queued_mail.queue("b.test", at="E15MB2")
    received = timezone.now() - timedelta(hours=5)
    queued_mail.message(second, received_at=received)
    queued_mail.message(first)
    queued_mail.message(first)
    page = signed_in.get(PAGE)
    found = page.context["overview"]

    assert (found.waiting, found.queue_count) == (3, 2)
    assert (found.oldest.received_at, found.oldest.queue_id) == (received, second.pk)
    assert f'href="{QUEUES}{second.pk}/"' in page.text
    assert "5 hours ago" in page.text


def test_queues_with_the_same_error_are_one_cause_and_its_link_finds_them(signed_in):
    for number in range(3):
        queued_mail.queue_in_retry(
            f"g{number}.test", message_count=10 + number, last_error=GREYLISTED.format(number * 111)
        )
    queued_mail.queue_in_retry("refused.test", message_count=5)
    queued_mail.queue_in_retry("empty.test", message_count=0)
    page = signed_in.get(PAGE)

    assert titles(signed_in) == [
        ("Greylisted, come back in … seconds", 33, 3),
        ("Connection refused", 5, 1),
    ]
    assert "Mostly nothing: the next attempt is let through." in page.text
    assert "at mx.g2.test, mx.g1.test, mx.g0.test" in page.text
    link = f"{QUEUES}?error=451+4.7.1+Greylisted%2C+come+back+in+%2A+seconds"
    assert f'href="{link}"' in page.text
    assert {row.next_hop for row in signed_in.get(link).context["page"].rows} == {
        "g0.test", "g1.test", "g2.test",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("next_hop", "fields", "title"),
    [
        ("held.test", {"suspended": True, "last_error": "421 4.4.1 Connection refused"}, "Suspended"),
        ("Unreachable Domain", {"kind": DeliveryType.UNREACHABLE, "connector_id": 0}, "No send connector"),
        ("Poison Message", {"kind": DeliveryType.POISON, "connector_id": 0}, "Poison messages"),
    ],
)
def test_mail_that_waits_for_an_administrator_is_a_cause_of_its_own(signed_in, next_hop, fields, title):
    queue = queued_mail.queue(next_hop, message_count=2, **fields)
    queued_mail.queue("fine.test", message_count=1)
    page = signed_in.get(PAGE)

    assert titles(signed_in) == [(title, 2, 1)]
    link = (
        page.text.partition('id="to-' + overview(signed_in).causes[0].key)[2].split('href="')[1].split('"')[0]
    )
    assert [row.pk for row in signed_in.get(link).context["page"].rows] == [queue.pk]


def test_an_error_of_the_past_is_no_trouble_and_messages_that_were_put_off_are(signed_in):
    past = queued_mail.queue("past.test", last_error="451 4.7.1 Greylisted")
    queued_mail.message(past)
    put_off = queued_mail.queue("now.test", last_error="451 4.3.2 Closed for lunch")
    queued_mail.message(put_off, state=QueuedState.RETRY)

    assert titles(signed_in) == [("Closed for lunch", 1, 1)]


def test_many_causes_leave_the_page_short_and_its_queries_few(signed_in, make, django_assert_max_num_queries):
    for number in range(20):
        make(f"Partner {number:02}")
    word = "abcdefghijklmnopqrstuvwxyz"
    for number in range(200):
        cause = word[number % 25 :]
        queued_mail.queue_in_retry(
            f"d{number:03}.test",
            message_count=number + 1,
            connector_id=number,
            last_error=f"451 {cause} failed",
        )
    # The first page of a sign-in notes that somebody is there.
    signed_in.get(QUEUES)
    with django_assert_max_num_queries(15):
        page = signed_in.get(PAGE)
    found = page.context["overview"]

    assert (len(found.causes), found.more_causes) == (6, 19)
    assert (len(found.connectors), found.more_connectors) == (8, 12)
    assert "19 more causes with fewer messages." in page.text


def test_foreign_text_is_shown_as_text(signed_in, make):
    relay = make("<b>Relay")
    queued_mail.queue_in_retry(
        "evil.test",
        message_count=1,
        connector_id=relay.pk,
        last_error="451 <script>alert(1)</script>\u202e\x1b[31m",
        last_error_host='"><img src=x>',
    )
    text = signed_in.get(PAGE).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;Relay" in text
    for evil in ("<script>alert", "<img src=x", "<b>Relay", "\u202e", "\x1b"):
        assert evil not in text


def test_connectors_say_how_they_do_and_those_in_need_come_first(signed_in, make):
    queued_mail.server("E15MB1")
    TransportServer.objects.create(name="E15MB2", fqdn="e15mb2.contoso.com")
    make("Fine")
    make("Half", source_servers=("E15MB1", "E15MB2"))
    make("Gone", source_servers=("E15MB2",))
    services.disable([make("Off").pk], actor="anna")
    queued_mail.queue_in_retry("a.test", connector_id=make("Troubled").pk, message_count=7)
    rows = overview(signed_in).connectors

    assert [(row.name, row.health.word, row.health.says) for row in rows] == [
        ("Gone", "Stopped", "0 of 1 source server running"),
        ("Half", "Reduced", "1 of 2 source servers running"),
        ("Troubled", "Trouble", "1 of 1 source server running"),
        ("Fine", "Working", "1 of 1 source server running"),
        ("Off", "Disabled", "carries no mail"),
    ]
    assert [(row.waiting, row.trouble) for row in rows if row.waiting] == [(7, queued_mail.REFUSED)]


def test_servers_say_how_they_do(signed_in):
    machines = {name: queued_mail.server(name) for name in ("A", "B", "C", "D", "E")}
    TransportServer.objects.filter(name="A").update(last_beat_at=timezone.now() - timedelta(hours=2))
    TransportServer.objects.filter(name="B").update(component_state=ComponentState.DRAINING)
    for name, level in (("C", Level.HIGH), ("D", Level.MEDIUM), ("E", Level.NORMAL)):
        ResourcePressure.objects.create(
            server=machines[name], resource=Resource.DISK, level=level, value=99,
            normal=90, medium=95, high=98, since=timezone.now(),
        )  # fmt: skip
    queued_mail.queue("a.test", at="E", message_count=4)
    page = signed_in.get(PAGE)

    assert [(row.name, row.health.word, row.waiting) for row in page.context["overview"].servers] == [
        ("A", "Not running", 0),
        ("C", "Back pressure", 0),
        ("B", "Draining", 0),
        ("D", "Back pressure", 0),
        ("E", "Working", 4),
    ]
    assert "Its disk is nearly full; takes no mail" in page.text
    assert "2 hours ago" in page.text


def test_the_latest_changes_name_who_did_them(signed_in, make):
    for name in ("One", "Two"):
        make(name)
    services.disable([make("Three").pk], actor="bert")
    by_itself = {"name": "Default", "name_key": "default", "server_name": "A", "changed_by": FIRST_START}
    ReceiveConnector.objects.create(**by_itself)
    (latest, *others) = overview(signed_in).changes

    assert (latest.actor, latest.did, latest.name) == ("bert", "changed", "Three")
    assert [(one.actor, one.did, one.name) for one in others] == [
        ("anna", "created", "Two"),
        ("anna", "created", "One"),
    ]


def test_a_refresh_brings_something_only_when_something_changed(signed_in, make):
    make("Internet")
    queue = queued_mail.queue_in_retry("a.test", message_count=1)
    seen = signed_in.get(PAGE).context["version"]
    assert signed_in.get(PAGE, headers={**PART, "Seen": seen}).status_code == 204

    Queue.objects.filter(pk=queue.pk).update(message_count=2)
    answer = signed_in.get(PAGE, headers={**PART, "Seen": seen})

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="dashboard"' in answer.text
