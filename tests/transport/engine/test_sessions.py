"""Claims, outcomes and leases: who may send what, and what is written afterwards."""

import os
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from connectors import routing
from tests.support.engine import (
    DELIVERED,
    GREYLISTED,
    LIMITS,
    REFUSED,
    UNKNOWN_USER,
    WORKER,
    accept,
    connector,
    open_for,
    outcome,
    server,
)
from transport import outcomes
from transport.concurrency import Limits
from transport.models import Attempt, Content, Message, Queue, QueuedMessage, Recipient, Session
from transport.parts import parts
from transport.queue import claims, moves, sweeps
from transport.queue.claimed import with_content
from transport.queue.outcome import Try
from transport.states import Pending, QueuedState, RecipientState
from transport.wishes import Close, Connected, More, Outdated, Settle, TakenBack

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def queued():
    """One message that waits for fabrikam.test."""
    server()
    connector()
    return QueuedMessage.objects.select_related("queue").get(message=accept("bob@fabrikam.test"))


def settle(*wishes):
    with transaction.atomic():
        return outcomes.settle(wishes)


def more(opened, most=5):
    return More(
        session_id=opened.session_id,
        queue_id=opened.queue_id,
        generation=routing.current().generation,
        most=most,
    )


def close(opened, failure=None):
    return Close(
        session_id=opened.session_id, queue_id=opened.queue_id, opened_at=opened.opened_at, failure=failure
    )


def test_a_session_claims_due_mail_with_content_and_recipients(queued):
    opened = open_for(queued)
    queued.refresh_from_db()

    assert [claim.message_id for claim in opened.claims] == [queued.message_id]
    assert opened.claims[0].recipients[0][1] == "bob@fabrikam.test"
    assert b"".join(with_content(opened.claims)[0].content).endswith(b"Hello.\r\n")
    assert (queued.state, queued.session_id) == (QueuedState.ACTIVE, opened.session_id)


def test_what_was_removed_between_claim_and_reading_is_not_sent(queued):
    opened = open_for(queued)
    Content.objects.all().delete()

    assert with_content(opened.claims) == []
    with pytest.raises(ValueError, match="was not read"):
        list(parts(opened.claims[0]))


def test_a_second_session_finds_nothing_to_claim(queued):
    open_for(queued)

    assert open_for(queued) is None
    assert Session.objects.count() == 1


def test_no_more_sessions_than_the_limit_are_opened_to_one_queue(queued):
    limits = replace(LIMITS, connections_per_queue=2, claim=1)
    for _ in range(4):
        accept("bob@fabrikam.test")
    with transaction.atomic():
        opened = [
            claims.open_session(queued.queue_id, worker=WORKER, limits=limits, now=timezone.now())
            for _ in range(4)
        ]

    assert [one is not None for one in opened] == [True, True, False, False]


def test_large_messages_wait_while_the_sessions_of_their_queue_hold_too_much(queued):
    for _ in range(4):
        accept("bob@fabrikam.test")
    Message.objects.update(size_bytes=36 * 1024 * 1024)
    opened = [open_for(queued) for _ in range(5)]
    assert [session and len(session.claims) for session in opened] == [1, 1, 1, None, None]
    settle(Settle(outcome=outcome(opened[0], DELIVERED)))

    assert len(open_for(queued).claims) == 1


def test_a_suspended_queue_opens_no_session(queued):
    Queue.objects.update(suspended=True)

    assert open_for(queued) is None


def test_new_mail_goes_before_retries(queued):
    QueuedMessage.objects.update(state=QueuedState.RETRY)
    fresh = accept("eva@fabrikam.test")
    opened = open_for(queued)

    assert [claim.message_id for claim in opened.claims] == [fresh, queued.message_id]


def test_a_delivered_message_leaves_the_queue_and_the_attempt_is_kept(queued):
    opened = open_for(queued)
    settle(Settle(outcome=outcome(opened, DELIVERED)), close(opened))
    queue = Queue.objects.get()

    assert not QueuedMessage.objects.exists()
    assert Recipient.objects.get().state == RecipientState.DELIVERED
    assert Attempt.objects.get().text == "Queued as 7"
    assert (queue.message_count, queue.departed) == (0, 1)
    assert queue.emptied_at is not None
    assert not Session.objects.exists()


def test_a_deferred_message_waits_for_its_own_time_and_says_why(queued):
    opened = open_for(queued)
    later = timezone.now() + timedelta(minutes=5)
    settle(Settle(outcome=outcome(opened, GREYLISTED, retry_at=later)), close(opened))
    queued.refresh_from_db()

    assert queued.state == QueuedState.RETRY
    assert queued.next_attempt_at == later
    assert queued.retry_count == 1
    assert queued.last_error == "451 4.7.1 Come back later"
    assert open_for(queued) is None
    queue = Queue.objects.with_status().get()
    assert (queue.last_error, queue.next_try_at) == ("451 4.7.1 Come back later", later)


def test_a_refused_recipient_is_reported_to_the_sender_in_the_same_transaction(queued):
    opened = open_for(queued)
    settle(Settle(outcome=outcome(opened, UNKNOWN_USER)), close(opened))
    report = Message.objects.get(source="DSN")

    assert Recipient.objects.get(message=queued.message_id).state == RecipientState.FAILED
    assert report.mail_from == ""
    assert report.original_from == "anna@contoso.test"
    assert Recipient.objects.get(message=report).address == "anna@contoso.test"


def test_a_report_that_fails_makes_no_second_report(queued):
    opened = open_for(queued)
    settle(Settle(outcome=outcome(opened, UNKNOWN_USER)), close(opened))
    report = QueuedMessage.objects.get()
    opened = open_for(report)
    settle(Settle(outcome=outcome(opened, UNKNOWN_USER)), close(opened))

    assert Message.objects.count() == 2
    assert not QueuedMessage.objects.exists()


def test_an_outcome_whose_claim_was_lost_changes_nothing(queued):
    opened = open_for(queued)
    with transaction.atomic():
        claims.close_session(opened.session_id)
    settle(Settle(outcome=outcome(opened, UNKNOWN_USER)))
    queued.refresh_from_db()

    assert queued.state == QueuedState.READY
    assert Recipient.objects.get().state == RecipientState.WAITING
    assert not Attempt.objects.exists()
    assert not Message.objects.filter(source="DSN").exists()


def test_a_session_that_was_taken_back_is_told_so_and_claims_nothing_more(queued):
    opened = open_for(queued)
    accept("eva@fabrikam.test")
    with transaction.atomic():
        claims.close_session(opened.session_id)
    answer = settle(Settle(outcome=outcome(opened, DELIVERED), more=more(opened)))

    assert answer == [TakenBack()]
    assert set(QueuedMessage.objects.values_list("state", "session_id")) == {(QueuedState.READY, None)}


def test_settling_claims_more_mail_in_the_same_transaction(queued):
    opened = open_for(queued)
    second = accept("eva@fabrikam.test")
    answer = settle(Settle(outcome=outcome(opened, DELIVERED), more=more(opened)))

    assert [claim.message_id for claim in answer[0]] == [second]


def test_a_session_that_knows_an_older_configuration_gets_no_further_mail(queued):
    opened = open_for(queued)
    accept("eva@fabrikam.test")
    asks = more(opened)
    connector("Partner", spaces="partner.test")
    answer = settle(Settle(outcome=outcome(opened, DELIVERED), more=asks))

    assert answer == [Outdated()]


def test_sessions_of_one_queue_that_ask_together_share_its_mail(queued):
    opened = open_for(queued)
    for number in range(6):
        accept(f"user{number}@fabrikam.test")
    with transaction.atomic():
        other = claims.open_session(
            queued.queue_id, worker=WORKER, limits=Limits(claim=1), now=timezone.now()
        )
    first, second = settle(more(opened, most=2), more(other, most=3))

    assert (len(first), len(second)) == (2, 3)
    assert not {claim.queued_id for claim in first} & {claim.queued_id for claim in second}


def test_a_next_hop_that_cannot_be_reached_puts_its_queue_in_retry(queued):
    opened = open_for(queued)
    settle(close(opened, REFUSED))
    queue = Queue.objects.with_status().get()
    queued = QueuedMessage.objects.with_status().get()

    assert (queue.status, queue.retry_count) == ("Retry", 1)
    assert queue.last_error == "421 4.4.1 Connection refused"
    assert queue.last_error_host == "mx.test"
    assert timedelta(seconds=50) < queue.next_retry_at - timezone.now() <= timedelta(minutes=1)
    assert (queued.state, queued.status, queued.retry_count) == (QueuedState.READY, "Retry", 1)
    assert open_for(queued) is None


def test_sessions_that_fail_side_by_side_count_as_one_failure(queued):
    accept("eva@fabrikam.test")
    limits = replace(LIMITS, claim=1)
    with transaction.atomic():
        pair = [
            claims.open_session(queued.queue_id, worker=WORKER, limits=limits, now=timezone.now())
            for _ in range(2)
        ]
    for opened in pair:
        settle(close(opened, REFUSED))

    assert Queue.objects.get().retry_count == 1


def test_a_host_that_takes_only_so_many_connections_is_no_failure_of_the_queue(queued):
    accept("eva@fabrikam.test")
    limits = replace(LIMITS, claim=1)
    with transaction.atomic():
        working, refused = [
            claims.open_session(queued.queue_id, worker=WORKER, limits=limits, now=timezone.now())
            for _ in range(2)
        ]
    settle(Connected(session_id=working.session_id))
    settle(close(refused, REFUSED))

    assert Queue.objects.with_status().get().status == "Active"
    assert Queue.objects.get().next_retry_at is None


def test_a_success_ends_the_retry_of_the_queue(queued):
    opened = open_for(queued)
    settle(close(opened, REFUSED))
    later = timezone.now() + timedelta(minutes=2)
    opened = open_for(queued, now=later)
    settle(Settle(outcome=outcome(opened, DELIVERED)), close(opened))
    queue = Queue.objects.with_status().get()

    assert (queue.status, queue.retry_count, queue.next_retry_at, queue.last_error) == ("Ready", 0, None, "")


def test_a_queue_in_retry_is_probed_by_one_session(queued):
    accept("eva@fabrikam.test")
    opened = open_for(queued)
    settle(close(opened, REFUSED))
    later = timezone.now() + timedelta(minutes=2)
    limits = replace(LIMITS, claim=1)
    with transaction.atomic():
        first, second = (
            claims.open_session(queued.queue_id, worker=WORKER, limits=limits, now=later) for _ in range(2)
        )

    assert first is not None
    assert second is None


def test_a_message_suspended_while_it_is_sent_is_suspended_when_that_try_fails(queued):
    opened = open_for(queued)
    moves.suspend(QueuedMessage.objects.all())
    assert QueuedMessage.objects.with_status().get().status == "Pending Suspend"
    settle(Settle(outcome=outcome(opened, GREYLISTED, retry_at=timezone.now())))
    queued.refresh_from_db()

    assert (queued.state, queued.pending) == (QueuedState.SUSPENDED, Pending.NOTHING)


def test_a_message_removed_while_it_is_sent_goes_when_that_try_fails(queued):
    opened = open_for(queued)
    moves.ask_removal(QueuedMessage.objects.all(), pending=Pending.REMOVE_WITH_NDR)
    assert QueuedMessage.objects.with_status().get().status == "Pending Remove"
    settle(Settle(outcome=outcome(opened, GREYLISTED, retry_at=timezone.now())))

    assert not QueuedMessage.objects.filter(message=queued.message_id).exists()
    assert Message.objects.filter(source="DSN").count() == 1


def test_the_claims_of_a_dead_process_on_this_machine_are_free_at_once(queued):
    gone = claims.Worker(name="gone", host_name=socket.gethostname(), process_id=2**22 + 1)
    open_for(queued, worker=gone)
    me = claims.Worker(name="me", host_name=socket.gethostname(), process_id=os.getpid())
    sweeps.expire_leases(queued.queue.server, worker=me, now=timezone.now())
    queued.refresh_from_db()

    assert queued.state == QueuedState.READY
    assert "a second copy may arrive" in queued.last_error
    assert not Session.objects.exists()


def test_the_claims_of_a_silent_worker_elsewhere_are_free_when_its_lease_ran_out(queued):
    open_for(queued)
    me = claims.Worker(name="me", host_name=socket.gethostname(), process_id=os.getpid())
    sweeps.expire_leases(queued.queue.server, worker=me, now=timezone.now())
    assert Session.objects.exists()
    sweeps.expire_leases(queued.queue.server, worker=me, now=timezone.now() + claims.LEASE * 2)

    assert not Session.objects.exists()


def test_a_worker_that_renews_keeps_its_claims(queued):
    opened = open_for(queued)
    later = timezone.now() + claims.LEASE * 2
    assert claims.renew_leases([opened.session_id], now=later) == 1
    me = claims.Worker(name="me", host_name=socket.gethostname(), process_id=os.getpid())
    sweeps.expire_leases(queued.queue.server, worker=me, now=later)

    assert Session.objects.exists()


def test_an_attempt_row_is_kept_for_a_message_whose_next_hop_failed(queued):
    opened = open_for(queued)
    tried = replace(outcome(opened, REFUSED), deferred=(), tries=(Try(reply=REFUSED, outcome="deferred"),))
    settle(replace(close(opened, REFUSED), tries=(tried,)))

    assert Attempt.objects.get().stage == "CONNECT"
