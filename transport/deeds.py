"""What an administrator did to queues and messages: one line of log, and one entry of the audit log."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors import audit
from connectors.commands import Change
from transport.models import Queue, QueuedMessage

logger = logging.getLogger(__name__)
NAMED = 50
"""So many rows are named; their count is told whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What was done, by whom."""

    event: str
    """Name of the line of log."""
    cmdlet: str
    actor: str
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Queued messages by their names, read before they are removed."""

    numbers: list[int]
    identities: list[str]


def name_messages(queued_ids: Sequence[int]) -> Named:
    """Name the first of these rows."""
    rows = QueuedMessage.objects.filter(pk__in=queued_ids[:NAMED]).select_related("queue__server")
    found = list(rows.order_by("pk"))
    return Named([one.message_id for one in found], [one.identity for one in found])


def name_queues(queue_ids: Sequence[int]) -> list[str]:
    """Name the first of these queues."""
    rows = Queue.objects.filter(pk__in=queue_ids[:NAMED]).select_related("server").order_by("pk")
    return [one.identity for one in rows]


def tell_queues(deed: Deed, ids: Sequence[int], *, count: int | None = None, **fields: object) -> None:
    """Tell what was done to queues; `count` is how many of them it changed."""
    event, facts = deed.event, {"actor": deed.actor, "queue_ids": list(ids[:NAMED]), "count": len(ids)}
    logger.info(event, extra={**facts, **fields})
    _record(deed, name_queues(ids), count=len(ids) if count is None else count)


def tell_messages(deed: Deed, named: Named, *, among: int, count: int, **fields: object) -> None:
    """Tell what was done to messages: to `count` of the `among` that were meant."""
    event, facts = deed.event, {"actor": deed.actor, "message_ids": named.numbers, "count": among}
    logger.info(event, extra={**facts, **fields})
    _record(deed, named.identities, count=count)


def _record(deed: Deed, identities: Iterable[str], *, count: int) -> None:
    if count:
        audit.record(deed.cmdlet, actor=deed.actor, objects=identities, changes=deed.changes, count=count)
