"""Waiting mail obeys the intervals of its server as they are now, also where it was told others before."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from transport import intervals, retries
from transport.bulk import execute_many, moment
from transport.envelope import Priority
from transport.models import Queue, QueuedMessage, TransportServer
from transport.queue import counters
from transport.queue.holds import without_held
from transport.queue.moves import lock
from transport.states import QueuedState

BATCH = 300
CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two servers may be apart: mail comes in by the clock of the one that accepts it."""
ROUNDING = timedelta(seconds=1)
TIME_FOR_ONE_ROUND = timedelta(seconds=0.3)
SETTLED_AFTER = 2 * intervals.KNOWN_FOR
"""By then no process gives mail an expiry that it knew before the change."""


def shorten(server: TransportServer, *, now: datetime) -> int:
    """Let nothing wait longer than it would be told to now; returns how many rows.

    An interval was shortened, or the clock was set back. What is ready is due by now, a retry within its
    interval. Stops after `TIME_FOR_ONE_ROUND`; then there were at least `BATCH`.
    """
    schedule = intervals.schedule_of(server.pk)
    latest = now + schedule.message_retry_interval + ROUNDING
    early = Q(state=QueuedState.READY, next_attempt_at__gt=now + CLOCK_SKEW)
    retried = Q(state=QueuedState.RETRY, next_attempt_at__gt=latest)
    # Queue by queue, each an index range: all that waits may be a million rows.
    queues = Queue.objects.filter(server=server).values("pk")
    gates = _shorten_gates(server, schedule, now=now)
    return gates + sum(_pull(kind, queues=queues, now=now) for kind in (early, retried))


def _pull(late: Q, *, queues: QuerySet[Any], now: datetime) -> int:
    waiting = QueuedMessage.objects.filter(late, queue__in=queues, priority__in=tuple(Priority))
    pulled, ends = 0, time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
    while time.monotonic() < ends:
        ids = list(waiting.values_list("pk", flat=True)[:BATCH])
        if ids:
            with transaction.atomic():
                lock(ids)
                pulled += QueuedMessage.objects.filter(late, pk__in=ids).update(next_attempt_at=now)
        if len(ids) < BATCH:
            break
        # A greenlet that worked lets the others run.
        time.sleep(0)
    return pulled


def _shorten_gates(server: TransportServer, schedule: retries.Schedule, *, now: datetime) -> int:
    parts = tuple(retries.stretches(schedule))
    longest = max(part.interval for part in parts)
    too_long, beyond = Q(next_retry_at__gt=now + longest + ROUNDING), 0
    for part in parts:
        stretch = Q(retry_count__gt=beyond, next_retry_at__gt=now + part.interval + ROUNDING)
        too_long |= stretch if part.up_to is None else stretch & Q(retry_count__lte=part.up_to)
        beyond = part.up_to or beyond
    late = without_held(Queue.objects.filter(too_long, server=server), now=now)
    ids = list(late.values_list("pk", flat=True))
    with transaction.atomic():
        counters.lock(ids)
        return Queue.objects.filter(too_long, pk__in=ids).update(next_retry_at=now) if ids else 0


def apply_lifetimes(server: TransportServer, *, now: datetime) -> int:
    """Give waiting mail the expiry that its server's intervals say now; returns how many rows it saw.

    Exchange too applies a changed MessageExpirationTimeout to mail that is queued. The row of the server
    says how far this got, so a round that stops or dies is simply continued.
    """
    changed_at = server.expiry_changed_at
    if changed_at is None or now < changed_at + SETTLED_AFTER:
        return 0
    seen, cursor = 0, server.expiry_cursor
    ends = time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
    while time.monotonic() < ends:
        with transaction.atomic():
            rows = _next_lifetimes(server, after=cursor)
            done = {"expiry_cursor": rows[-1][0]} if rows else {"expiry_changed_at": None, "expiry_cursor": 0}
            # The swap leaves the mark of a change that came meanwhile: that one begins anew.
            mine = TransportServer.objects.filter(pk=server.pk, expiry_changed_at=changed_at)
            if not mine.update(**done) or not rows:
                break
        seen, cursor = seen + len(rows), rows[-1][0]
        time.sleep(0)
    return seen


def _next_lifetimes(server: TransportServer, *, after: int) -> list[tuple[int, int, datetime]]:
    waiting = QueuedMessage.objects.filter(queue__server=server, pk__gt=after).order_by("pk")
    rows = list(waiting.values_list("pk", "priority", "message__received_at")[:BATCH])
    lock([queued_id for queued_id, _, _ in rows])
    lifetimes = retries.lifetimes(intervals.schedule_of(server.pk))
    execute_many(
        "UPDATE transport_queuedmessage SET expires_at = %s WHERE id = %s",
        [
            (moment(received_at + lifetimes[Priority(priority)]), queued_id)
            for queued_id, priority, received_at in rows
        ],
    )
    return rows
