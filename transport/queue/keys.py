"""Which queue a message belongs in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from transport.models import Queue
from transport.queue import counters
from transport.states import DeliveryType


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class QueueKey:
    """NextHopSolutionKey of one server (exchange.md 2.2): every distinct key is one queue."""

    server_id: int
    delivery_type: DeliveryType
    next_hop_domain: str
    connector_id: int = 0
    connector_name: str = ""


UNREACHABLE = "A matching connector cannot be found to route the external recipient"
"""LastError of the unreachable queue, in Exchange's words (exchange.md 2.3)."""
_known: dict[QueueKey, int] = {}
"""Queue ids by key; an entry can be stale, `enter` notices."""


def enter(counts: Mapping[QueueKey, int], *, now: datetime, moved: bool = False) -> dict[QueueKey, int]:
    """Count messages into their queues, making those that are not there; returns the queue ids.

    `moved` says that they come from other queues.
    """
    # New rows first: nobody who holds a known row ever waits for the row that somebody else is making.
    queue_ids = {key: _known.get(key) or _find(key, now=now) for key in sorted(counts)}
    there = counters.hold(queue_ids.values()) if counters.gathering() else set(queue_ids.values())
    for queue_id, key in sorted((queue_id, key) for key, queue_id in queue_ids.items()):
        if queue_id not in there or not counters.count_in(queue_id, count=counts[key], moved=moved):
            # It was empty for a while and is gone.
            queue_ids[key] = _find(key, now=now)
            counters.count_in(queue_ids[key], count=counts[key], moved=moved)
    return queue_ids


def submission_key(server_id: int) -> QueueKey:
    """Where mail waits for the categorizer while that is suspended; one per server, persistent."""
    return QueueKey(server_id=server_id, delivery_type=DeliveryType.SUBMISSION, next_hop_domain="Submission")


def rename(key: QueueKey) -> None:
    """Let the queues of a connector say its name as it is now."""
    others = Queue.objects.filter(connector_id=key.connector_id).exclude(connector_name=key.connector_name)
    for queue_id in others.values_list("pk", flat=True):
        named = Queue.objects.filter(pk=queue_id)
        counters.change(queue_id, partial(named.update, connector_name=key.connector_name))


def _find(key: QueueKey, *, now: datetime) -> int:
    queue, _ = Queue.objects.get_or_create(
        server_id=key.server_id,
        delivery_type=key.delivery_type,
        connector_id=key.connector_id,
        next_hop_key=hashlib.sha256(key.next_hop_domain.encode()).hexdigest(),
        defaults={
            "next_hop_domain": key.next_hop_domain,
            "connector_name": key.connector_name,
            "created_at": now,
            "last_error": UNREACHABLE if key.delivery_type == DeliveryType.UNREACHABLE else "",
        },
    )
    if queue.connector_name != key.connector_name:
        rename(key)
    # Not before the commit: SQLite gives an id that was rolled back to another queue.
    transaction.on_commit(partial(_known.__setitem__, key, queue.pk))
    return queue.pk
