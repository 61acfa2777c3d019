"""What the message tracking log says about the life of a message."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from tests.support.engine import (
    DELIVERED,
    GREYLISTED,
    REFUSED,
    UNKNOWN_USER,
    accept,
    connector,
    open_for,
    outcome,
    server,
    signature,
)
from tests.support.smtp_peer import Peer
from transport import delivery, intervals, judged, operations, outcomes
from transport.models import Queue, QueuedMessage, TrackingEvent, TransportServer
from transport.queue import moves, sweeps
from transport.queue.outcome import Try
from transport.wishes import Close, Settle

pytestmark = [pytest.mark.django_db, pytest.mark.state]


def story(message_id):
    """The lines about one message, in their order."""
    return list(TrackingEvent.objects.filter(message_id=message_id).order_by("pk"))


def words(message_id):
    return [(line.event, line.source) for line in story(message_id)]


def waiting(*recipients):
    """A message that waits for its first attempt, with its session."""
    message_id = accept(*recipients)
    return message_id, open_for(QueuedMessage.objects.get(message=message_id))


def settle(*wishes):
    with transaction.atomic():
        outcomes.settle(wishes)


@pytest.fixture(autouse=True)
def _site():
    server()
    connector()


def test_a_plain_delivery_is_received_and_sent():
    message_id, opened = waiting("bob@fabrikam.test")
    settle(Settle(outcome=outcome(opened, DELIVERED)))
    received, sent = story(message_id)

    assert (received.event, received.source, received.sender) == ("RECEIVE", "SMTP", "anna@contoso.test")
    assert (received.internet_message_id, received.subject) == ("<1@client.test>", "Hello")
    assert received.total_bytes > 0
    assert (sent.event, sent.source, sent.connector) == ("SEND", "SMTP", "Internet")
    assert (sent.recipients, sent.statuses) == ("bob@fabrikam.test", "250 2.0.0 Queued as 7")
    assert (sent.peer_name, sent.total_bytes) == ("mx.test", None)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (GREYLISTED, [("RECEIVE", "SMTP"), ("DEFER", "SMTP")]),
        (UNKNOWN_USER, [("RECEIVE", "SMTP"), ("FAIL", "SMTP")]),
    ],
)
def test_what_a_host_refuses_is_put_off_or_fails(reply, expected):
    message_id, opened = waiting("bob@fabrikam.test")
    later = timezone.now() + timedelta(minutes=5)
    settle(Settle(outcome=outcome(opened, reply, retry_at=later)))

    assert words(message_id) == expected
    assert story(message_id)[1].statuses == reply.line


def test_a_report_is_a_dsn_event_that_refers_to_the_message_it_is_about():
    message_id, opened = waiting("bob@fabrikam.test")
    settle(Settle(outcome=outcome(opened, UNKNOWN_USER)))
    (report,) = TrackingEvent.objects.filter(event="DSN")

    assert (report.source, report.reference) == ("DSN", "<1@client.test>")
    assert (report.recipients, report.sender) == ("anna@contoso.test", "")
    assert report.message_id != message_id


def test_each_part_of_a_message_that_goes_several_ways_is_a_transfer():
    message_id = accept("bob@fabrikam.test", "eva@fabrikam.test", "carl@adatum.test")
    _, *parts = story(message_id)

    assert {(one.event, one.source) for one in parts} == {("TRANSFER", "ROUTING")}
    assert {(one.context, one.recipients) for one in parts} == {
        ("fabrikam.test", "bob@fabrikam.test\neva@fabrikam.test"),
        ("adatum.test", "carl@adatum.test"),
    }


def test_mail_without_a_way_is_put_off_by_routing():
    connector("Far", spaces="far.test", on=("E15MB9",))
    message_id = accept("bob@far.test")

    assert words(message_id) == [("RECEIVE", "SMTP"), ("DEFER", "ROUTING")]


def test_messages_that_no_host_could_be_asked_about_are_put_off_with_the_reason():
    message_id, opened = waiting("bob@fabrikam.test", "eva@fabrikam.test")
    refused = Try(reply=REFUSED, outcome="deferred")
    untried = judged.untried(opened.claims[0], signature=signature(opened), tries=(refused,))
    facts = {"queue_id": opened.queue_id, "opened_at": opened.opened_at, "failure": REFUSED}
    settle(Close(session_id=opened.session_id, tries=(untried,), **facts))
    (event,) = story(message_id)[1:]

    assert (event.event, event.recipients) == ("DEFER", "bob@fabrikam.test\neva@fabrikam.test")
    assert event.statuses == REFUSED.line


@pytest.mark.parametrize(("with_ndr", "word"), [(True, "FAIL"), (False, "DROP")])
def test_a_removal_by_an_administrator_says_whether_the_sender_was_told(with_ndr, word):
    message_id = accept("bob@fabrikam.test")
    messages = QueuedMessage.objects.filter(message=message_id)
    operations.remove_messages(messages, with_ndr=with_ndr, actor="tests")

    assert words(message_id) == [("RECEIVE", "SMTP"), (word, "ADMIN")]
    assert story(message_id)[1].recipients == "bob@fabrikam.test"


def test_what_expired_failed_by_the_queue():
    message_id, opened = waiting("bob@fabrikam.test")
    later = timezone.now() + timedelta(minutes=5)
    settle(Settle(outcome=outcome(opened, GREYLISTED, retry_at=later)))
    queued = QueuedMessage.objects.select_related("queue").filter(message=message_id)
    with transaction.atomic():
        moves.take_out(queued, reply=sweeps.EXPIRED, report=True, now=timezone.now())
    failed = story(message_id)[-1]

    assert (failed.event, failed.source) == ("FAIL", "QUEUE")
    assert failed.statuses.startswith("550 4.4.7 QUEUE.Expired")


def test_a_server_that_keeps_no_tracking_log_writes_no_line():
    TransportServer.objects.update(message_tracking_log_enabled=False)
    intervals.forget()
    message_id = accept("bob@fabrikam.test")

    assert story(message_id) == []


def test_the_subject_stays_out_where_subjects_are_not_logged():
    TransportServer.objects.update(message_tracking_log_subject_logging_enabled=False)
    intervals.forget()
    message_id = accept("bob@fabrikam.test")

    assert story(message_id)[0].subject == ""


@pytest.mark.django_db(transaction=True)
def test_replies_of_several_recipients_stand_in_their_order(engine):
    script = {"RCPT": ["250 ok", "550 5.1.1 who?", "451 4.7.1 later"]}
    with Peer(script) as peer:
        connector("Partner", spaces="adatum.test", smart_hosts=("127.0.0.1",), port=peer.port)
        message_id = accept("a@adatum.test", "b@adatum.test", "c@adatum.test")
        delivery.deliver(Queue.objects.get().pk, engine=engine)
    lines = {line.event: line for line in story(message_id)}

    assert [lines[word].recipients for word in ("SEND", "FAIL", "DEFER")] == [
        "a@adatum.test",
        "b@adatum.test",
        "c@adatum.test",
    ]
    assert lines["FAIL"].statuses == "550 5.1.1 who?"
    assert lines["SEND"].peer_address == f"127.0.0.1:{peer.port}"
    assert lines["SEND"].context[-4:] == "0001"
