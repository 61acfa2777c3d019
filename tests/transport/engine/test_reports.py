"""Who is told what: failures, delays and relayed mail, by what the sender asked for (RFC 3461)."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from connectors import domain_services
from connectors.accepted_domains import DomainType
from tests.support.engine import (
    LIMITS,
    PLAIN,
    WORKER,
    accept,
    connector,
    open_for,
    server,
)
from tests.support.sent_reports import actions, sent_reports
from tests.support.smtp_peer import Peer
from transport import delivery, intervals, operations, reports, server_settings
from transport.dispatcher import Dispatcher
from transport.envelope import DsnRequest
from transport.models import Attempt, Queue, QueuedMessage, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]

BOB = "bob@fabrikam.test"
NOTIFY = [
    "",
    "NEVER",
    "FAILURE",
    "DELAY",
    "SUCCESS",
    "SUCCESS,FAILURE",
    "FAILURE,DELAY",
    "SUCCESS,FAILURE,DELAY",
]


def dispatcher(*, open_sessions=frozenset()):
    """The clock of this server; its rings go nowhere."""
    return Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=lambda _queue_id, _sessions: None,
        open_sessions=set(open_sessions),
        stopping=threading.Event(),
    )


@pytest.fixture
def looks():
    """A server with a connector for everything, and its clock."""
    server()
    connector()
    return dispatcher()


def asked(notify, address=BOB, **fields):
    return {"dsn_requests": {address: DsnRequest(notify=notify, **fields)} if notify else {}}


def fail(*message_ids):
    queued = QueuedMessage.objects.filter(message__in=message_ids)
    operations.remove_messages(queued, with_ndr=True, actor="tests")


@pytest.mark.parametrize("notify", NOTIFY)
@pytest.mark.usefixtures("looks")
def test_a_failure_is_told_where_notify_says_failure_or_nothing(notify):
    fail(accept(BOB, **asked(notify)))

    wanted = not notify or "FAILURE" in notify
    assert actions() == ([(BOB, "failed")] if wanted else [])


@pytest.mark.parametrize("notify", NOTIFY)
def test_a_delay_is_told_once_where_notify_says_delay_or_nothing(looks, notify):
    accept(BOB, **asked(notify))
    for hours in (3.9, 4.1, 4.1, 30):
        looks.look(now=timezone.now() + timedelta(hours=hours))

    wanted = not notify or "DELAY" in notify
    assert actions() == ([(BOB, "delayed")] if wanted else [])


@pytest.mark.parametrize("notify", NOTIFY)
@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "DSN")])
@pytest.mark.django_db(transaction=True)
def test_success_is_told_where_it_is_asked_for_and_the_next_hop_does_not_tell_it(notify, offers, engine):
    with Peer(offers=offers) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, spaces="fabrikam.test")
        accept(BOB, **asked(notify))
        delivery.deliver(Queue.objects.get().pk, engine=engine)

    wanted = "SUCCESS" in notify and "DSN" not in offers
    assert actions() == ([(BOB, "relayed")] if wanted else [])


@pytest.mark.django_db(transaction=True)
def test_two_days_make_one_delay_notice_and_one_failure(looks):
    """The reports wait and expire too, and nobody hears of that."""
    with time_machine.travel(datetime(2026, 11, 23, 12, 0, tzinfo=UTC), tick=False) as clock:
        server()
        # The reports are read at the end of five days.
        TransportServer.objects.update(safety_net_hold_time=timedelta(days=30))
        accept(BOB, "eva@adatum.test", now=timezone.now())
        accept("lost@fabrikam.test", mail_from="", now=timezone.now())
        Queue.objects.update(last_error="421 4.4.316 Connection refused")
        told_at = {}
        for _ in range(5 * 24 * 2):
            looks.look(now=timezone.now())
            for pair in actions():
                told_at.setdefault(pair, timezone.now() - datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
            clock.shift(timedelta(minutes=30))
        told = actions()

    assert sorted(told) == [
        (BOB, "delayed"), (BOB, "failed"), ("eva@adatum.test", "delayed"), ("eva@adatum.test", "failed"),
    ]  # fmt: skip
    assert told_at[BOB, "delayed"] == timedelta(hours=4)
    assert told_at[BOB, "failed"] == timedelta(days=2)
    assert not QueuedMessage.objects.exists()


def test_what_the_sender_asked_comes_back_in_the_report(looks):
    accept(BOB, envid="QQ+2B314", **asked("DELAY,FAILURE", orcpt="rfc822;robert+40old@fabrikam.test"))
    QueuedMessage.objects.update(last_error="451 4.7.1 Greylisted")
    looks.look(now=timezone.now() + timedelta(hours=5))
    (report,) = sent_reports()
    queued = QueuedMessage.objects.get(message__source="SMTP")

    assert report.to == "anna@contoso.test"
    assert report.about["Original-Envelope-Id"] == "QQ+314"
    assert report.groups[0]["Original-Recipient"] == "rfc822; robert@old@fabrikam.test"
    assert report.groups[0]["Status"] == "4.4.7"
    assert report.groups[0]["Diagnostic-Code"] == "smtp; 400 4.4.7 Message delayed -> 451 4.7.1 Greylisted"
    assert report.groups[0]["Will-Retry-Until"] == f"{queued.expires_at:%a, %d %b %Y %H:%M:%S} +0000"
    assert report.message["Subject"] == "Delivery delayed: Hello"


@pytest.mark.parametrize("held", ["message", "queue"])
def test_of_what_is_held_nobody_says_until_when_it_is_tried(looks, held):
    accept(BOB)
    if held == "message":
        operations.suspend_messages(QueuedMessage.objects.all(), actor="tests")
    else:
        operations.suspend_queues(Queue.objects.all(), actor="tests")
    looks.look(now=timezone.now() + timedelta(hours=5))
    (report,) = sent_reports()

    assert report.actions == {BOB: "delayed"}
    assert "Will-Retry-Until" not in report.groups[0]
    assert "tried until" not in report.message.get_payload()[0].get_content()


@pytest.mark.parametrize(
    ("default", "postmaster"), [(True, "contoso.test"), (False, "e15mb1.admincenter.test")]
)
@pytest.mark.usefixtures("looks")
def test_the_postmaster_of_the_default_accepted_domain_sends_them(default, postmaster):
    domain_services.create(
        "Contoso", domain="contoso.test", type=DomainType.INTERNAL_RELAY, default=default, actor="tests"
    )
    fail(accept(BOB))
    message = sent_reports()[0].message

    assert message["From"] == f"Mail Delivery Service <postmaster@{postmaster}>"
    assert message["Message-ID"].endswith("@e15mb1.admincenter.test>")


@pytest.mark.usefixtures("looks")
def test_the_last_attempt_is_dated_where_no_host_decided():
    message_id = accept(BOB)
    tried_at = timezone.now().replace(microsecond=0) - timedelta(minutes=7)
    Attempt.objects.create(
        message_id=message_id, queue_id=1, at=tried_at, outcome="deferred", stage="CONNECT", code=421
    )
    fail(message_id)

    assert sent_reports()[0].groups[0]["Last-Attempt-Date"] == f"{tried_at:%a, %d %b %Y %H:%M:%S} +0000"


@pytest.mark.parametrize(
    ("ret", "body_bytes", "kind"),
    [
        ("", 1000, "message/rfc822"),
        ("", 70_000, "text/rfc822-headers"),
        ("HDRS", 1000, "text/rfc822-headers"),
        ("FULL", 70_000, "message/rfc822"),
        ("FULL", 3 * 1024 * 1024, "message/rfc822"),
        ("FULL", 11 * 1024 * 1024, "text/rfc822-headers"),
    ],
)
@pytest.mark.usefixtures("looks")
def test_as_much_of_the_original_goes_back_as_was_asked_for_within_bounds(ret, body_bytes, kind):
    content = b"Subject: Hello\r\n\r\n" + (b"x" * 98 + b"\r\n") * (body_bytes // 100)
    fail(accept(BOB, content=content, ret=ret))
    returned = sent_reports()[0].message.get_payload()[2]

    assert returned.get_content_type() == kind
    assert ("x" * 98 in returned.as_string()) is (kind == "message/rfc822")


@pytest.mark.usefixtures("looks")
def test_an_administrator_bounds_the_copies():
    server_settings.set_limits(server(), {"external_dsn_max_message_attach_bytes": 100}, actor="tests")
    intervals.forget()
    long = b"Subject: Hello\r\n\r\n" + b"x" * 98 + b"\r\n"
    fail(accept(BOB))
    fail(accept(BOB, content=long), accept(BOB, content=long, ret="FULL"))
    kinds = [report.message.get_payload()[2].get_content_type() for report in sent_reports()]

    assert kinds == ["message/rfc822", "text/rfc822-headers", "text/rfc822-headers"]


def test_a_delay_notice_gives_back_headers_only_whatever_was_asked_for(looks):
    accept(BOB, ret="FULL")
    looks.look(now=timezone.now() + timedelta(hours=5))

    assert sent_reports()[0].message.get_payload()[2].get_content_type() == "text/rfc822-headers"


def test_the_copies_of_one_batch_are_bounded_in_memory(looks, monkeypatch):
    monkeypatch.setattr(reports, "COPIES_BYTES", 2 * len(PLAIN) + 10)
    for _ in range(3):
        accept(BOB)
    looks.look(now=timezone.now() + timedelta(days=3))
    kinds = [report.message.get_payload()[2].get_content_type() for report in sent_reports()]

    assert kinds.count("message/rfc822") == 2
    assert len(kinds) == 3


@pytest.mark.usefixtures("looks")
def test_failures_of_one_message_that_are_recorded_together_share_a_report():
    fail(accept(BOB, "eva@adatum.test", "dan@adatum.test"))
    (report,) = sent_reports()

    assert report.actions == {BOB: "failed", "eva@adatum.test": "failed", "dan@adatum.test": "failed"}


def test_mail_that_is_placed_anew_is_told_late_once(looks):
    accept(BOB)
    started = timezone.now()
    looks.look(now=started + timedelta(hours=5))
    accept("eva@fabrikam.test")
    connector("Other", spaces="fabrikam.test")
    looks.look(now=started + timedelta(hours=5, seconds=1))
    looks.look(now=started + timedelta(hours=9))

    assert actions() == [(BOB, "delayed"), ("eva@fabrikam.test", "delayed")]


def test_what_is_being_sent_is_told_late_only_when_it_waits_again(looks):
    message_id = accept(BOB)
    opened = open_for(QueuedMessage.objects.get())
    sending = dispatcher(open_sessions={opened.session_id})
    sending.look(now=timezone.now() + timedelta(hours=5))
    assert actions() == []
    dispatcher().look(now=timezone.now() + timedelta(hours=6))

    assert QueuedMessage.objects.get(message=message_id).session_id is None
    looks.look(now=timezone.now() + timedelta(hours=6))
    assert actions() == [(BOB, "delayed")]
