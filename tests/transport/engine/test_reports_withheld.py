"""Who is not told: nobody answers a report, a stranger or a program, and nobody is flooded (RFC 3834)."""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.engine import accept, connector, server
from tests.support.sent_reports import actions, sent_reports
from transport import bounces, intervals, operations, server_settings, servers, submission
from transport.envelope import DsnRequest, Priority, Reply, Stage
from transport.models import Message, QueuedMessage, Recipient, TrackingEvent
from transport.queue import notices, sweeps
from transport.queue.notices import Notice
from transport.states import Action, RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]

BOB = "bob@fabrikam.test"
LATE = timedelta(hours=4)


@pytest.fixture(autouse=True)
def here():
    made = server()
    connector()
    return made


def with_header(line):
    return f"Subject: Hello\r\n{line}\r\n\r\nHello.\r\n".encode()


def fail(*message_ids):
    operations.remove_messages(
        QueuedMessage.objects.filter(message__in=message_ids), with_ndr=True, actor="tests"
    )


def late(here, *, now):
    return notices.late(here, priority=Priority.NORMAL, timeout=LATE, now=now)


def tell_late(here, *, now):
    with transaction.atomic():
        submission.notify(notices.take_late(late(here, now=now)), server=servers.own(), now=now)


def allow(here, reports):
    server_settings.set_limits(here, {"max_reports_per_sender_per_hour": reports}, actor="tests")
    intervals.forget()


def reason(address=BOB):
    """Why the sender was not told of this recipient's failure, as the tracking log has it."""
    events = TrackingEvent.objects.filter(
        event="SUPPRESSED", recipients=address, context__startswith="No failed"
    )
    return events.get().context.removeprefix("No failed report: ") if events else ""


def test_mail_of_somebody_who_did_not_sign_in_fails_without_a_report(here, caplog):
    fail(accept(BOB, trusted_sender=False, dsn_requests={BOB: DsnRequest(notify="FAILURE,DELAY")}))
    accept("eva@fabrikam.test", trusted_sender=False)
    tell_late(here, now=timezone.now() + timedelta(hours=5))
    recipient = Recipient.objects.get(address=BOB)

    assert actions() == []
    assert recipient.state == RecipientState.FAILED
    assert reason() == "its sender did not sign in and may be forged"
    (line,) = [record for record in caplog.records if record.message == "reports_not_sent"]
    assert (line.levelno, line.count, line.message_ids) == (logging.WARNING, 1, [recipient.message_id])


def test_the_null_sender_is_never_answered_and_the_administrator_hears_of_it(here, caplog):
    fail(accept(BOB, mail_from=""))
    accept("eva@fabrikam.test", mail_from="")
    tell_late(here, now=timezone.now() + timedelta(hours=5))

    assert actions() == []
    assert reason() == "it came from the null sender"
    assert "reports_not_sent" in [record.message for record in caplog.records]


ANSWERS = [
    "Auto-Submitted: auto-replied",
    "auto-submitted:\r\n AUTO-Replied (vacation)",
    "Auto-Submitted: auto-notified; owner-email=x",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
]
PROGRAMS = [
    "Auto-Submitted: auto-generated",
    "Precedence: bulk",
    "Precedence: list",
    "List-Id: <news.contoso.test>",
]
PEOPLE = [
    "Auto-Submitted: no",
    "X-Auto-Submitted: auto-replied",
    "Subject2: Precedence: bulk",
    "Precedence: first-class",
]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        *((line, []) for line in ANSWERS),
        *((line, ["failed"]) for line in PROGRAMS),
        *((line, ["delayed", "failed"]) for line in PEOPLE),
    ],
)
def test_what_programs_wrote_is_answered_as_far_as_somebody_reads_it(here, line, told):
    message_id = accept(BOB, content=with_header(line))
    tell_late(here, now=timezone.now() + timedelta(hours=5))
    fail(message_id)

    assert [action for _, action in actions()] == told
    assert bool(reason()) is ("failed" not in told)


@pytest.mark.parametrize("line", [*ANSWERS, *PROGRAMS])
def test_a_program_that_asks_for_reports_gets_them(here, line):
    message_id = accept(
        BOB, content=with_header(line), dsn_requests={BOB: DsnRequest(notify="FAILURE,DELAY")}
    )
    tell_late(here, now=timezone.now() + timedelta(hours=5))
    fail(message_id)

    assert actions() == [(BOB, "delayed"), (BOB, "failed")]


def test_a_sender_who_wants_no_report_is_no_news_for_the_administrator(caplog):
    fail(accept(BOB, dsn_requests={BOB: DsnRequest(notify="NEVER")}))

    assert (actions(), reason()) == ([], "")
    assert "reports_not_sent" not in [record.message for record in caplog.records]


def test_one_sender_gets_so_many_reports_an_hour_and_others_theirs(here):
    allow(here, 4)
    mine = [accept(f"user{number}@fabrikam.test") for number in range(3)]
    fail(*mine)
    more = [accept(f"more{number}@fabrikam.test") for number in range(3)]
    fail(*more, accept("other@fabrikam.test", mail_from="carl@contoso.test"))

    assert [report.to for report in sent_reports()] == ["anna@contoso.test"] * 4 + ["carl@contoso.test"]
    assert reason("more0@fabrikam.test") == ""
    assert reason("more2@fabrikam.test") == "its sender got 4 reports within an hour"


def test_after_an_hour_there_is_room_again(here):
    allow(here, 1)
    fail(accept(BOB))
    Message.objects.filter(source="DSN").update(received_at=timezone.now() - timedelta(minutes=61))
    fail(accept("eva@fabrikam.test"))

    assert actions() == [(BOB, "failed"), ("eva@fabrikam.test", "failed")]


def test_a_sender_may_be_allowed_any_number(here):
    allow(here, None)
    fail(*(accept(f"user{number}@fabrikam.test") for number in range(5)))

    assert len(actions()) == 5


def test_delay_notices_leave_room_for_failures(here):
    allow(here, 4)
    ids = [accept(f"user{number}@fabrikam.test") for number in range(6)]
    tell_late(here, now=timezone.now() + timedelta(hours=5))
    Message.objects.filter(source="DSN").update(received_at=timezone.now())
    fail(*ids)

    assert [action for _, action in actions()] == ["delayed"] * 2 + ["failed"] * 2
    assert not QueuedMessage.objects.exclude(delay_since=None).filter(message__in=ids).exists()


def test_a_report_that_fails_makes_no_second_one():
    fail(accept(BOB))
    (report,) = Message.objects.filter(source="DSN")
    fail(report.pk)

    assert actions() == [(BOB, "failed")]
    assert reason("anna@contoso.test") == "it came from the null sender"


def test_a_message_that_is_gone_is_told_to_nobody():
    reply = Reply(code=550, stage=Stage.RCPT)
    notice = Notice(message_id=4711, action=Action.FAILED, recipients=((BOB, reply),))
    with transaction.atomic():
        assert submission.notify([notice], server=servers.own(), now=timezone.now()) == []


def test_a_report_that_cannot_be_written_keeps_nothing_else_back(monkeypatch, caplog):
    def write(report):
        if report.recipients[0].address == BOB:
            raise ZeroDivisionError
        return real(report)

    real = bounces.write
    monkeypatch.setattr(bounces, "write", write)
    fail(accept(BOB), accept("eva@fabrikam.test"))

    assert actions() == [("eva@fabrikam.test", "failed")]
    assert Recipient.objects.get(address=BOB).state == RecipientState.FAILED
    assert reason() == "it could not be written, see the log of this server"
    assert "report_not_written" in [record.message for record in caplog.records]


def plan(statement, *parameters):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Of tables without rows it says nothing else.
            cursor.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} {statement}", parameters or None)
        return " ".join(str(row) for row in cursor.fetchall())


def test_counting_the_reports_of_a_sender_reads_reports_only():
    counting = (
        "SELECT count(*) FROM transport_message"
        " WHERE original_from = %s AND received_at > %s AND NOT (original_from = '')"
    )

    assert "message_reports" in plan(counting, "anna@contoso.test", timezone.now())


def test_finding_what_is_late_or_expired_reads_no_backlog_also_without_statistics(here):
    """PostgreSQL keeps statistics and chooses by them; SQLite has none of a queue that has just grown."""
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        notices.take_late(late(here, now=timezone.now()))
        sweeps.late_messages(here, now=timezone.now())
    finding = [query["sql"] for query in captured if "ORDER BY" in query["sql"]]

    assert len(finding) == 2
    if connection.vendor == "sqlite":
        assert "queued_late" in plan(finding[0])
        assert "_expires_at_" in plan(finding[1])


@pytest.mark.django_db(transaction=True)
def test_two_who_look_at_once_tell_each_sender_once(here):
    for number in range(5):
        accept(f"user{number}@fabrikam.test")
    later, started = timezone.now() + timedelta(hours=5), threading.Barrier(2)

    def look():
        try:
            started.wait(10)
            tell_late(here, now=later)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(actions()) == [(f"user{number}@fabrikam.test", "delayed") for number in range(5)]
