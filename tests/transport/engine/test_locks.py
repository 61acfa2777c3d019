"""Everything that changes queues at once, for some seconds: nobody waits for somebody who waits for him."""

import random
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connectors import routing
from tests.support.engine import (
    DELIVERED,
    GREYLISTED,
    LIMITS,
    UNKNOWN_USER,
    WORKER,
    accept,
    connector,
    outcome,
    server,
)
from transport import operations, outcomes, rates, rerouting, servers
from transport.models import Queue, QueuedMessage, Session
from transport.queue import claims, counters, moves, resubmits, sweeps, waits
from transport.states import DELIVERABLE
from transport.wishes import Close, Open, Settle, Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
SECONDS = 4.0
DOMAINS = tuple(f"d{number}.test" for number in range(6))


class Crowd:
    """Threads that do their work again and again until the time is over; what they raise is a failure."""

    def __init__(self):
        self._ends = time.monotonic() + SECONDS
        self._threads = []
        self.failures = []
        self.done = {}

    def start(self, work):
        self.done[work.__name__] = 0
        self._threads.append(threading.Thread(target=self._run, args=[work]))
        self._threads[-1].start()

    def _run(self, work):
        try:
            while time.monotonic() < self._ends:
                work()
                self.done[work.__name__] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure of the test
            self.failures.append((work.__name__, error))
        finally:
            connection.close()

    def join(self):
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def some(rows, most):
    ids = list(rows.values_list("pk", flat=True)[:200])
    return rows.model.objects.filter(pk__in=random.sample(ids, min(most, len(ids))))


def take_in():
    accept(*(f"bob@{domain}" for domain in random.sample(DOMAINS, 3)))


def deliver():
    """Sessions to several queues at once, as one ledger has them: good, bad and late outcomes in a batch."""
    queues = list(Queue.objects.filter(delivery_type__in=DELIVERABLE).values_list("pk", flat=True))
    random.shuffle(queues)
    with transaction.atomic():
        opening = [Open(queue_id=queue_id, worker=WORKER, limits=LIMITS) for queue_id in queues[:4]]
        works = [answer for answer in outcomes.settle(opening) if isinstance(answer, Work)]
    wishes = [wish for work in works for wish in settled(work.opened)]
    random.shuffle(wishes)
    with transaction.atomic():
        outcomes.settle(wishes)


def settled(opened):
    for number in range(len(opened.claims)):
        reply = random.choice((DELIVERED, DELIVERED, UNKNOWN_USER, GREYLISTED))  # noqa: S311 - any will do
        later = timezone.now() + timedelta(seconds=1) if reply is GREYLISTED else None
        yield Settle(outcome=outcome(opened, reply, retry_at=later, claim=number))
    yield Close(session_id=opened.session_id, queue_id=opened.queue_id, opened_at=opened.opened_at)


def beat():
    with transaction.atomic():
        here = servers.beat(now=timezone.now())
        claims.renew_leases(list(Session.objects.values_list("pk", flat=True)), now=timezone.now())
        rates.Sampler().sample(here, now=timezone.now())


def route_anew():
    with transaction.atomic():
        ids = list(some(QueuedMessage.objects.all(), 20).values_list("pk", flat=True))
        moves.lock(ids)
        QueuedMessage.objects.filter(pk__in=ids).update(routed_generation=0)
    rerouting.reroute(servers.own(), now=timezone.now())


def remove_messages():
    operations.remove_messages(some(QueuedMessage.objects.all(), 5), with_ndr=True, actor="anna")


def remove_queues():
    operations.remove_queue_messages(some(Queue.objects.all(), 1), with_ndr=True, actor="anna")
    for queue, ids in sweeps.next_removals(servers.own()):
        with transaction.atomic(), counters.last():
            outcomes.report(sweeps.remove(ids, queue=queue, now=timezone.now()), now=timezone.now())


def stop_and_go():
    chosen = some(QueuedMessage.objects.all(), 20)
    operations.suspend_messages(chosen, actor="anna")
    operations.resume_messages(chosen, actor="anna")
    queues = some(Queue.objects.all(), 3)
    operations.suspend_queues(queues, actor="anna")
    operations.resume_queues(queues, actor="anna")
    operations.retry_queues(queues, actor="anna")


def resubmit():
    with transaction.atomic():
        resubmits.request(some(Queue.objects.all(), 1))
    resubmits.work_off([servers.own().pk], now=timezone.now())


def tidy():
    for step in (waits.shorten, sweeps.remove_idle_queues):
        with transaction.atomic():
            step(servers.own(), now=timezone.now())


def deadlocks():
    """How many this database has seen; 0 where there is one writer at a time."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def true_counts():
    return {queue.pk: QueuedMessage.objects.filter(queue=queue).count() for queue in Queue.objects.all()}


def test_mail_comes_and_goes_while_all_else_happens_to_the_same_queues_and_the_counts_stay_right():
    server()
    connector()
    routing.current()
    before = deadlocks()
    crowd = Crowd()
    for work in (
        *(take_in, take_in, deliver, deliver, beat, route_anew, tidy),
        *(remove_messages, remove_queues, stop_and_go, resubmit),
    ):
        crowd.start(work)
    crowd.join()

    assert crowd.failures == []
    assert min(crowd.done.values()) > 0
    assert deadlocks() == before
    assert dict(Queue.objects.values_list("pk", "message_count")) == true_counts()
