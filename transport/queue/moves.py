"""Moves of waiting messages: back to waiting, suspended, resumed, due now, taken out.

Every move is a compare-and-swap: `UPDATE … WHERE state = …`, and the count says what really moved.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Case, F, QuerySet, Value, When

from transport import tracking
from transport.bulk import select
from transport.envelope import Priority, Reply
from transport.models import QueuedMessage, Recipient
from transport.queue import counters
from transport.states import WAITING, Pending, QueuedState, RecipientState

GRACE_AFTER_RESUME = timedelta(hours=1)
"""A message whose time ran out while it was suspended gets this long to be tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Recipients of one message that will not be tried again, with the reply that decided it."""

    message_id: int
    failures: tuple[tuple[str, Reply], ...]


def lock(queued_ids: Collection[int], *, session_ids: Collection[int] = ()) -> None:
    """Lock messages, and what sessions hold, until the transaction ends, in the order of their numbers.

    Who changes several at once does this first: no two then wait for each other.
    """
    if (queued_ids or session_ids) and connection.features.has_select_for_update:
        select(
            "SELECT id FROM transport_queuedmessage WHERE id = ANY(%s) OR session_id = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [list(queued_ids), list(session_ids)],
        )


def put_back(queued_ids: Sequence[int], *, error: str = "", retry_at: datetime | None = None) -> list[int]:
    """End the claims on these messages and let them wait again.

    `error` counts a retry; `retry_at` makes the message wait for itself rather than for its queue.
    What was asked for while the claim was held happens now: a suspension here, a removal by the
    caller, who gets those ids back.
    """
    if not queued_ids:
        return []
    state = QueuedState.READY if retry_at is None else QueuedState.RETRY
    held = QueuedMessage.objects.filter(pk__in=queued_ids, state=QueuedState.ACTIVE)
    held.update(
        state=Case(When(pending=Pending.SUSPEND, then=Value(QueuedState.SUSPENDED)), default=Value(state)),
        pending=Case(When(pending=Pending.SUSPEND, then=Value("")), default=F("pending")),
        session_id=None,
        next_attempt_at=F("next_attempt_at") if retry_at is None else retry_at,
        retry_count=F("retry_count") + (1 if error else 0),
        last_error=error[:1024] or F("last_error"),
    )
    asked = QueuedMessage.objects.filter(pk__in=queued_ids).exclude(state=QueuedState.ACTIVE)
    return list(asked.exclude(pending=Pending.NOTHING).values_list("pk", flat=True))


def suspend(queued: QuerySet[QueuedMessage]) -> int:
    """Suspend messages; one that is being sent is suspended if that attempt does not end it."""
    waiting = queued.filter(state__in=WAITING).update(state=QueuedState.SUSPENDED)
    active = queued.filter(state=QueuedState.ACTIVE, pending=Pending.NOTHING).update(pending=Pending.SUSPEND)
    return waiting + active


def resume(queued: QuerySet[QueuedMessage], *, now: datetime) -> int:
    """Let suspended messages wait for the next attempt; a pending suspension is taken back."""
    late = Case(
        When(expires_at__lt=now + GRACE_AFTER_RESUME, then=Value(now + GRACE_AFTER_RESUME)),
        default=F("expires_at"),
    )
    suspended = queued.filter(state=QueuedState.SUSPENDED).update(
        state=QueuedState.READY, next_attempt_at=now, expires_at=late
    )
    active = queued.filter(state=QueuedState.ACTIVE, pending=Pending.SUSPEND).update(pending=Pending.NOTHING)
    return suspended + active


def make_due(queued: QuerySet[QueuedMessage], *, now: datetime) -> int:
    """Let waiting messages be tried at once, whatever their own retry time says."""
    return queued.filter(state__in=WAITING).update(state=QueuedState.READY, next_attempt_at=now)


def set_priority(queued: QuerySet[QueuedMessage], *, priority: Priority) -> int:
    """Give messages another priority; one that is being sent has it when it waits again."""
    return queued.exclude(priority=priority).update(priority=priority)


def ask_removal(queued: QuerySet[QueuedMessage], *, pending: Pending) -> int:
    """Ask for the removal of messages that are being sent (PendingRemove)."""
    return queued.filter(state=QueuedState.ACTIVE).update(pending=pending)


def take_out(
    queued: Iterable[QueuedMessage],
    *,
    reply: Reply,
    report: bool,
    now: datetime,
    by: tracking.Source = tracking.Source.QUEUE,
) -> list[Ended]:
    """End waiting messages for good; returns what has to be reported when `report` is true.

    A message that a session claimed in the meantime is left alone.
    """
    rows = list(
        QueuedMessage.objects.select_for_update(of=("self",))
        .filter(pk__in=[row.pk for row in queued])
        .exclude(state=QueuedState.ACTIVE)
        .order_by("pk")
        .values_list("pk", "message_id", "queue_id", "queue__server_id", "queue__connector_name")
    )
    ids = [row[0] for row in rows]
    failures = _end_recipients(ids, reply=reply, report=report, now=now)
    tracking.write(
        [
            tracking.Line(
                server_id=server_id,
                message_id=message_id,
                event=tracking.EventId.FAIL if report else tracking.EventId.DROP,
                source=by,
                connector=connector,
                recipients=tracking.listed([address for address, _ in failures[queued_id]]),
                statuses=reply.line,
            )
            for queued_id, message_id, _, server_id, connector in rows
        ],
        now=now,
    )
    QueuedMessage.objects.filter(pk__in=ids).delete()
    counters.count_out(Counter(row[2] for row in rows), now=now)
    if not report:
        return []
    return [
        Ended(message_id=message_id, failures=tuple(failures[queued_id]))
        for queued_id, message_id, *_ in rows
    ]


def _end_recipients(
    queued_ids: Sequence[int], *, reply: Reply, report: bool, now: datetime
) -> dict[int, list[tuple[str, Reply]]]:
    waiting = Recipient.objects.filter(queued_message_id__in=queued_ids, state=RecipientState.WAITING)
    failures: dict[int, list[tuple[str, Reply]]] = defaultdict(list)
    for queued_id, address in waiting.order_by("pk").values_list("queued_message_id", "address"):
        failures[queued_id or 0].append((address, reply))
    waiting.update(
        state=RecipientState.FAILED if report else RecipientState.REMOVED,
        queued_message_id=None,
        last_reply=reply.line[:1024],
        ended_at=now,
    )
    return failures
