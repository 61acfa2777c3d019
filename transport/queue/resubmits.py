"""Mail of whole queues goes back to the categorizer, in batches, however much waits (exchange.md 5.3).

A request notes on the queue up to which message it goes. `work_off` marks these messages batch by batch as
routed under no configuration; `transport.rerouting` then places them anew. Suspended messages stay. One that
a session holds is marked too: if that attempt does not end it, it follows when the session lets go of it.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from transport import intervals
from transport.models import Queue, QueuedMessage, TransportServer
from transport.queue.moves import lock
from transport.states import DELIVERABLE, WAITING, Pending, QueuedState

logger = logging.getLogger(__name__)
BATCH = 250
TIME_FOR_ONE_ROUND = timedelta(seconds=0.3)


def request(queues: QuerySet[Queue]) -> int:
    """Ask for everything that waits in these queues now; returns how many queues. What comes later stays."""
    newest = QueuedMessage.objects.filter(queue=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    return queues.update(resubmit_until=Coalesce(Subquery(newest), 0), resubmit_cursor=0)


def open_gates(queues: QuerySet[Queue], *, now: datetime) -> int:
    """Let these queues dial now, one session first; their retry timer starts again."""
    return queues.filter(next_retry_at__isnull=False).update(
        next_retry_at=now, first_retry_at=None, retry_count=1
    )


def request_idle(server: TransportServer, *, now: datetime) -> int:
    """Ask for the queues in Retry that have delivered nothing for MaxIdleTimeBeforeResubmit."""
    idle_since = now - intervals.schedule_of(server.pk).max_idle_time_before_resubmit
    idle = Queue.objects.filter(
        server=server,
        delivery_type__in=DELIVERABLE,
        suspended=False,
        removal=Pending.NOTHING,
        resubmit_until=0,
        message_count__gt=0,
        first_retry_at__lte=idle_since,
    )
    ids = list(idle.values_list("pk", flat=True)[:BATCH])
    chosen = Queue.objects.filter(pk__in=ids)
    if ids:
        request(chosen)
        open_gates(chosen, now=now)
        logger.info("idle_queues_resubmitted", extra={"queue_ids": ids[:50], "count": len(ids)})
    return len(ids)


def work_off(server_ids: Sequence[int], *, now: datetime) -> int:
    """Mark what was asked for; returns how many messages. What is left comes with the next look."""
    _begin_handovers(server_ids, now=now)
    marked, ends = 0, time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
    asked = Queue.objects.filter(server__in=server_ids, resubmit_until__gt=0)
    for queue in asked.order_by("pk")[:BATCH]:
        cursor: int | None = queue.resubmit_cursor
        while cursor is not None and time.monotonic() < ends:
            with transaction.atomic():
                cursor, count = _mark(queue, after=cursor, now=now)
            marked += count
            # A greenlet that worked lets the others run.
            time.sleep(0)
    _end_redirects(server_ids)
    return marked


def _mark(queue: Queue, *, after: int, now: datetime) -> tuple[int | None, int]:
    """Mark one batch; where the next begins, or None when there is none, and how many messages."""
    rest = QueuedMessage.objects.filter(queue=queue, pk__gt=after, pk__lte=queue.resubmit_until)
    ids = list(rest.order_by("pk").values_list("pk", flat=True)[:BATCH])
    lock(ids)
    batch = QueuedMessage.objects.filter(pk__in=ids)
    waiting = batch.filter(state__in=WAITING).update(
        routed_generation=0, state=QueuedState.READY, next_attempt_at=now
    )
    held = batch.filter(state=QueuedState.ACTIVE).exclude(pending=Pending.SUSPEND).update(routed_generation=0)
    done = {"resubmit_cursor": ids[-1]} if ids else {"resubmit_until": 0, "resubmit_cursor": 0}
    # Another request that came meanwhile begins anew.
    mine = Queue.objects.filter(pk=queue.pk, resubmit_until=queue.resubmit_until, resubmit_cursor=after)
    if not mine.update(**done) or not ids:
        return None, waiting + held
    return ids[-1], waiting + held


def _begin_handovers(server_ids: Sequence[int], *, now: datetime) -> None:
    """Once nobody places mail on a draining server any more, all that waits there is handed over."""
    for server in TransportServer.objects.filter(pk__in=server_ids, handover_at__lte=now):
        with transaction.atomic():
            mine = TransportServer.objects.filter(pk=server.pk, handover_at=server.handover_at)
            if mine.update(handover_at=None):
                queues = Queue.objects.filter(server=server, suspended=False, delivery_type__in=DELIVERABLE)
                count = request(queues.filter(message_count__gt=0))
                logger.info("server_hands_over", extra={"server": server.name, "queues": count})


def _end_redirects(server_ids: Sequence[int]) -> None:
    """A redirect is over when all that it was asked for has gone or has to stay."""
    asked = Queue.objects.filter(server=OuterRef("pk"), resubmit_until__gt=0)
    marked = QueuedMessage.objects.filter(queue=OuterRef("pk"), routed_generation=0).exclude(
        state=QueuedState.SUSPENDED
    )
    waiting = Queue.objects.filter(Exists(marked), server=OuterRef("pk"), delivery_type__in=DELIVERABLE)
    over = TransportServer.objects.filter(
        ~Exists(asked), ~Exists(waiting), pk__in=server_ids, redirect_to__isnull=False, handover_at=None
    )
    for server in over:
        TransportServer.objects.filter(pk=server.pk).update(redirect_to=None)
        logger.info("redirect_ended", extra={"server": server.name})
