"""Messages whose handling breaks workers wait in the poison queue for a person (exchange.md 4.1, 7.5).

The rule. A message is blamed once for each time that our own code failed while it worked at it, and once for
each time that the process died with this very message in its hand (`transport.in_hand`); what was claimed
beside it, and what waited for the network, is not. Blamed as often as PoisonThreshold says (twice), it is
laid aside. Two `kill -9` in a row that both hit the process while it works at one and the same message look
the same and may lay aside an innocent one; a person lets it go on.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet

from transport import intervals, tracking
from transport.models import Queue, QueuedMessage
from transport.queue import counters
from transport.queue.keys import QueueKey, enter
from transport.states import DeliveryType, Pending, QueuedState

logger = logging.getLogger(__name__)
NAMED = 50
"""So many messages are named in a line of the log."""
LAID_ASIDE = 2**62
"""The configuration generation of a poison message: no change of the configuration moves it."""


def blame(queued_ids: Collection[int], *, now: datetime) -> int:
    """Count a break against each of these messages; returns how many were laid aside.

    No session holds them any more. Must run in a transaction.
    """
    blamed = QueuedMessage.objects.filter(pk__in=queued_ids).exclude(state=QueuedState.ACTIVE)
    blamed.update(crash_count=F("crash_count") + 1)
    # One whose removal was asked for is about to go.
    rows = list(blamed.filter(pending=Pending.NOTHING).select_related("queue"))
    for row in rows:
        fields = {"message_id": row.message_id, "crash_count": row.crash_count}
        logger.warning("message_broke_a_worker", extra=fields)
    broken = [row for row in rows if row.crash_count >= _threshold(row)]
    if broken:
        _lay_aside(broken, now=now)
    return len(broken)


def one_by_one(ids: Sequence[int], work: Callable[[Sequence[int]], int], *, now: datetime) -> int:
    """Do work of ours on messages, all in one transaction; what breaks it is found out and blamed.

    Returns the sum of what `work` returns. The others are not held up by a message that breaks us.
    """
    if not ids:
        return 0
    try:
        with transaction.atomic(), counters.last():
            return work(ids)
    except DatabaseError:
        raise
    except Exception:
        rows = QueuedMessage.objects.filter(pk__in=list(ids)[:NAMED])
        numbers = list(rows.order_by("pk").values_list("message_id", flat=True))
        logger.exception("handling_messages_broke", extra={"message_ids": numbers, "count": len(ids)})
    if len(ids) > 1:
        return sum(one_by_one([queued_id], work, now=now) for queued_id in ids)
    with transaction.atomic(), counters.last():
        blame(ids, now=now)
    return 0


def _threshold(row: QueuedMessage) -> int:
    return intervals.ceilings_of(row.queue.server_id).poison_threshold


def _lay_aside(rows: Sequence[QueuedMessage], *, now: datetime) -> None:
    keys = {row.pk: _key(row.queue) for row in rows}
    left = Counter(row.queue_id for row in rows)
    queue_ids = enter(Counter(keys.values()), now=now, moved=True)
    for row in rows:
        QueuedMessage.objects.filter(pk=row.pk).exclude(state=QueuedState.ACTIVE).update(
            queue=queue_ids[keys[row.pk]],
            state=QueuedState.SUSPENDED,
            entered_at=now,
            routed_generation=LAID_ASIDE,
        )
        fields = {"message_id": row.message_id, "queue": row.queue.next_hop_domain}
        logger.error("message_laid_aside_as_poison", extra=fields)
    counters.count_out(left, now=now)
    tracking.write([_line(row) for row in rows], now=now)


def _key(queue: Queue) -> QueueKey:
    return QueueKey(
        server_id=queue.server_id, delivery_type=DeliveryType.POISON, next_hop_domain="Poison Message"
    )


def _line(row: QueuedMessage) -> tracking.Line:
    return tracking.Line(
        server_id=row.queue.server_id,
        message_id=row.message_id,
        event=tracking.EventId.POISONMESSAGE,
        source=tracking.Source.POISONMESSAGE,
        connector=row.queue.connector_name,
        context=row.last_error[:512],
    )


def release(queued: QuerySet[QueuedMessage]) -> int:
    """Let poison messages be routed again once they wait; they start with a clean record."""
    poison = queued.filter(queue__delivery_type=DeliveryType.POISON)
    return poison.update(routed_generation=0, crash_count=0)
