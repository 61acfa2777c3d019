"""The intervals of a server are obeyed as they are now, also by mail that waits already."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.support.engine import (
    GREYLISTED,
    LIMITS,
    REFUSED,
    WORKER,
    accept,
    connector,
    expired,
    open_for,
    server,
    signature,
)
from tests.transport.engine.test_sessions import close, settle
from transport import intervals, judged, servers
from transport.concurrency import Limits
from transport.dispatcher import Dispatcher
from transport.models import Message, Queue, QueuedMessage, TransportServer
from transport.queue import claims, sweeps, waits
from transport.server_settings import set_limits
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def here():
    return server()


@pytest.fixture
def queued(here):
    connector()
    message_id = accept("bob@fabrikam.test", at=here)
    return QueuedMessage.objects.select_related("queue").get(message=message_id)


def changed(at: TransportServer, **limits) -> TransportServer:
    """Set limits as an administrator does; every process has noticed."""
    made = set_limits(at, limits, actor="tests")
    intervals.forget()
    return made


def test_new_mail_expires_by_the_timeout_of_the_server_whose_queue_it_enters(here):
    second = server("E15MB2")
    connector(on=("E15MB2",))
    changed(second, message_expiration_timeout=5 * DAY)
    accept("bob@fabrikam.test", at=here)
    queued = QueuedMessage.objects.get()

    assert queued.queue.server == second
    assert queued.expires_at - queued.message.received_at == 5 * DAY


def test_a_queue_waits_by_the_interval_of_its_server(here, queued):
    changed(here, queue_glitch_retry_count=0, transient_failure_retry_interval=2 * HOUR)
    settle(close(open_for(queued), REFUSED))

    wait = Queue.objects.get().next_retry_at - timezone.now()
    assert HOUR * 2 - MINUTE < wait <= 2 * HOUR


def test_a_message_that_was_put_off_waits_by_the_interval_of_its_server(here, queued):
    changed(here, message_retry_interval=3 * HOUR)
    opened = open_for(queued)
    outcome = judged.outcome_of(
        opened.claims[0],
        [("bob@fabrikam.test", GREYLISTED)],
        signature=signature(opened),
        tries=(),
    )

    assert 3 * HOUR - MINUTE < outcome.retry_at - timezone.now() <= 3 * HOUR


def test_a_shorter_message_retry_interval_pulls_waiting_messages_forward(here, queued):
    now = timezone.now()
    QueuedMessage.objects.update(state=QueuedState.RETRY, next_attempt_at=now + 4 * MINUTE)
    changed(here, message_retry_interval=MINUTE)
    waits.shorten(here, now=now)

    assert open_for(queued, now=now) is not None


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize(("failures", "pulled"), [(2, True), (7, False), (40, False)])
def test_a_shorter_queue_interval_pulls_the_queues_that_it_is_meant_for(here, failures, pulled):
    now = timezone.now()
    Queue.objects.update(retry_count=failures, next_retry_at=now + MINUTE)
    changed(here, queue_glitch_retry_interval=timedelta(seconds=5))
    waits.shorten(here, now=now)

    assert (Queue.objects.get().next_retry_at == now) == pulled


@pytest.mark.usefixtures("queued")
def test_a_longer_interval_takes_nothing_from_what_was_promised(here):
    now = timezone.now()
    Queue.objects.update(retry_count=20, next_retry_at=now + 10 * MINUTE)
    changed(here, outbound_connection_failure_retry_interval=DAY)
    waits.shorten(here, now=now)

    assert Queue.objects.get().next_retry_at == now + 10 * MINUTE


def test_the_clock_notices_a_shorter_interval_at_its_next_look(here, queued):
    looks = clock()
    looks.look(now=timezone.now())
    QueuedMessage.objects.update(state=QueuedState.RETRY, next_attempt_at=timezone.now() + 4 * MINUTE)
    changed(here, message_retry_interval=timedelta(seconds=10))
    looks.look(now=timezone.now())

    assert open_for(queued) is not None


def test_a_changed_lifetime_is_applied_to_mail_that_waits(here, queued):
    Message.objects.update(received_at=timezone.now() - 2 * HOUR)
    here = changed(here, message_expiration_timeout=HOUR)
    later = timezone.now() + waits.SETTLED_AFTER
    assert expired(here, now=later) == []
    assert waits.apply_lifetimes(here, now=later) == 1

    assert [one.message_id for one in expired(here, now=later)] == [queued.message_id]


def test_a_lifetime_is_applied_to_the_end_whatever_the_size_of_a_batch(here, monkeypatch):
    connector()
    for _ in range(5):
        accept("bob@fabrikam.test")
    here = changed(here, message_expiration_timeout=9 * DAY)
    monkeypatch.setattr(waits, "BATCH", 2)
    assert waits.apply_lifetimes(here, now=timezone.now() + waits.SETTLED_AFTER) == 5

    left = [one.expires_at - one.message.received_at for one in QueuedMessage.objects.all()]
    assert left == [9 * DAY] * 5
    assert TransportServer.objects.get().expiry_changed_at is None


def test_a_change_during_the_work_begins_it_anew(here):
    connector()
    accept("bob@fabrikam.test")
    first = changed(here, message_expiration_timeout=9 * DAY)
    changed(here, message_expiration_timeout=8 * DAY)
    later = timezone.now() + waits.SETTLED_AFTER
    waits.apply_lifetimes(first, now=later)
    assert TransportServer.objects.get().expiry_changed_at is not None
    waits.apply_lifetimes(servers.own(), now=later)

    queued = QueuedMessage.objects.get()
    assert queued.expires_at - queued.message.received_at == 8 * DAY
    assert TransportServer.objects.get().expiry_changed_at is None


def test_an_empty_queue_goes_after_the_idle_time_of_its_server(here, queued):
    settle(close(open_for(queued)))
    QueuedMessage.objects.all().delete()
    Queue.objects.update(message_count=0, emptied_at=timezone.now() - 10 * MINUTE)
    changed(here, queue_max_idle_time=HOUR)
    assert sweeps.remove_idle_queues(here, now=timezone.now()) == 0
    changed(here, queue_max_idle_time=MINUTE)

    assert sweeps.remove_idle_queues(here, now=timezone.now()) == 1


def test_connections_are_counted_by_the_limits_of_the_server(here):
    changed(here, max_outbound_connections=7, max_per_domain_outbound_connections=3)
    assert claims.own_limits() == Limits(connections_per_queue=3, connections=7)
    changed(here, max_outbound_connections=None, max_per_domain_outbound_connections=None)

    assert claims.own_limits().connections_per_queue > 1_000_000


def test_what_does_not_fit_together_is_refused_and_changes_nothing(here):
    with pytest.raises(ValueError, match="MaxPerDomainOutboundConnections, 20, is more than"):
        set_limits(here, {"max_outbound_connections": 10}, actor="tests")

    assert servers.own().max_outbound_connections == 1000


@pytest.mark.usefixtures("here")
def test_the_database_refuses_what_is_out_of_range():
    with pytest.raises(IntegrityError), transaction.atomic():
        TransportServer.objects.update(message_expiration_timeout=timedelta(seconds=4))
    with pytest.raises(IntegrityError), transaction.atomic():
        TransportServer.objects.update(queue_glitch_retry_count=16)
    with pytest.raises(IntegrityError), transaction.atomic():
        TransportServer.objects.update(max_outbound_connections=10)


def test_many_answers_cost_one_query(here, django_assert_num_queries):
    intervals.forget()
    with django_assert_num_queries(1):
        for _ in range(1000):
            intervals.schedule_of(here.pk)
            intervals.own_ceilings()


def clock() -> Dispatcher:
    return Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=lambda _queue_id, _sessions: None,
        open_sessions=set(),
        stopping=threading.Event(),
    )
