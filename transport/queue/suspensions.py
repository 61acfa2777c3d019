"""Suspensions have an owner and a reason, and may end by themselves."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from transport.models import Queue, QueuedMessage, SuspendedKind, Suspension, TransportServer
from transport.queue import counters, moves
from transport.states import Pending, QueuedState
from transport.suspensions import MOST_REASON_CHARACTERS, Note

logger = logging.getLogger(__name__)
BATCH = 200


def note(kind: SuspendedKind, ids: Sequence[int], *, by: str, said: Note, now: datetime) -> None:
    """Write down who suspended these; must run in the transaction that suspends them."""
    rows = [
        Suspension(
            kind=kind,
            target_id=target_id,
            by=by[:150],
            at=now,
            reason=said.reason[:MOST_REASON_CHARACTERS],
            until=said.until,
        )
        for target_id in sorted(ids)
    ]
    Suspension.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["kind", "target_id"],
        update_fields=["by", "at", "reason", "until"],
        batch_size=BATCH,
    )


def to_be_noted(queued_ids: Sequence[int]) -> list[int]:
    """Those of these messages that are not suspended yet: who is not the first does not become the owner."""
    held = Q(state=QueuedState.SUSPENDED) | ~Q(pending=Pending.NOTHING)
    return list(QueuedMessage.objects.filter(pk__in=queued_ids).exclude(held).values_list("pk", flat=True))


def forget(kind: SuspendedKind, ids: Sequence[int]) -> None:
    """These are resumed."""
    Suspension.objects.filter(kind=kind, target_id__in=ids).delete()


def end_due(server: TransportServer, *, now: datetime) -> int:
    """Resume what was suspended until now; returns how many, at most `BATCH` of a kind."""
    if not Suspension.objects.filter(until__lte=now).exists():
        return 0
    with transaction.atomic():
        messages = _due(SuspendedKind.MESSAGE, QueuedMessage.objects.filter(queue__server=server), now=now)
        moves.lock(messages)
        moves.resume(QueuedMessage.objects.filter(pk__in=messages), now=now)
        forget(SuspendedKind.MESSAGE, messages)
        queues = _due(SuspendedKind.QUEUE, Queue.objects.filter(server=server), now=now)
        counters.lock(queues)
        Queue.objects.filter(pk__in=queues).update(suspended=False)
        forget(SuspendedKind.QUEUE, queues)
    if count := len(messages) + len(queues):
        logger.info("suspensions_ended", extra={"queue_ids": queues[:50], "count": count})
    return count


def _due(kind: SuspendedKind, targets: QuerySet[Any], *, now: datetime) -> list[int]:
    due = Suspension.objects.filter(kind=kind, until__lte=now).order_by("until")
    return sorted(
        due.filter(Exists(targets.filter(pk=OuterRef("target_id")))).values_list("target_id", flat=True)[
            :BATCH
        ]
    )


def forget_ended(_server: TransportServer, *, now: datetime) -> int:
    """Forget what is said of queues and messages that ended, or are not suspended any more."""
    del now
    itself = {"pk": OuterRef("target_id")}
    held = Q(state=QueuedState.SUSPENDED) | Q(pending=Pending.SUSPEND)
    messages = Q(kind=SuspendedKind.MESSAGE) & ~Exists(QueuedMessage.objects.filter(held, **itself))
    queues = Q(kind=SuspendedKind.QUEUE) & ~Exists(Queue.objects.filter(suspended=True, **itself))
    ids = list(Suspension.objects.filter(messages | queues).values_list("pk", flat=True)[:BATCH])
    Suspension.objects.filter(pk__in=ids).delete()
    return len(ids)
