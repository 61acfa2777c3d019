"""The rows of queues change last in a transaction, so that nobody waits long for them.

PostgreSQL keeps a changed row locked until the transaction ends, and every message of a busy queue changes
the row of that queue. So transactions gather what changes there and write it at their end, in the order of
the queues' numbers: no two of them can wait for each other. Whoever locks queued messages does so before.
SQLite has one writer at a time and nothing to gain: there changes are made at once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from transport.bulk import execute_many, marks, moment, select


@dataclass(slots=True)
class _Gathered:
    """What a transaction is going to change, by queue."""

    entered: Counter[int] = field(default_factory=Counter)
    moved_in: Counter[int] = field(default_factory=Counter)
    """Of those that entered: they came from another queue."""
    departed: Counter[int] = field(default_factory=Counter)
    unsent: Counter[int] = field(default_factory=Counter)
    """Of those that departed: no next hop took them."""
    changes: defaultdict[int, list[Callable[[], object]]] = field(default_factory=lambda: defaultdict(list))
    now: datetime | None = None


_gathered: ContextVar[_Gathered | None] = ContextVar("_gathered", default=None)


@contextmanager
def last() -> Iterator[None]:
    """Around all that a transaction does; also for use as a decorator. Within another it does nothing."""
    if _gathered.get() is not None or not connection.features.has_select_for_update:
        yield
        return
    gathered = _Gathered()
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    _write(gathered)


def hold(queue_ids: Collection[int]) -> set[int]:
    """Keep these queues from being deleted until the transaction ends; returns those that are there."""
    lock = " FOR KEY SHARE" if connection.features.has_select_for_update else ""
    statement = f"SELECT id FROM transport_queue WHERE id IN ({marks(queue_ids)}) ORDER BY id{lock}"
    return {row[0] for row in select(statement, list(queue_ids))} if queue_ids else set()


def gathering() -> bool:
    """Whether changes wait for the end of this transaction."""
    return _gathered.get() is not None


def count_in(queue_id: int, *, count: int, moved: bool) -> bool:
    """Count messages into a queue; False when there is none of this number, as far as is known now.

    Those that were `moved` from another queue are no new mail: the history has them already.
    """
    known = count if moved else 0
    if gathered := _gathered.get():
        gathered.entered[queue_id] += count
        gathered.moved_in[queue_id] += known
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE transport_queue SET entered = entered + %s, entered_noted = entered_noted + %s,"
            " message_count = message_count + %s, emptied_at = NULL WHERE id = %s",
            [count, known, count, queue_id],
        )
        return bool(cursor.rowcount == 1)


def count_out(counts: "Counter[int]", *, now: datetime, sent: "Counter[int] | None" = None) -> None:
    """Count messages out of their queues; notes when a queue became empty.

    `sent` are those of them that a next hop took: the history tells of these alone.
    """
    unsent = counts - sent if sent else counts
    if gathered := _gathered.get():
        gathered.departed.update(counts)
        gathered.unsent.update(unsent)
        gathered.now = now
        return
    execute_many(
        "UPDATE transport_queue SET departed = departed + %s, departed_noted = departed_noted + %s,"
        " message_count = message_count - %s,"
        " emptied_at = CASE WHEN message_count <= %s THEN %s ELSE NULL END WHERE id = %s",
        [
            (count, unsent[queue_id], count, count, moment(now), queue_id)
            for queue_id, count in sorted(counts.items())
        ],
    )


def change(queue_id: int, how: Callable[[], object]) -> None:
    """Change the row of one queue in another way."""
    if gathered := _gathered.get():
        gathered.changes[queue_id].append(how)
    else:
        how()


def lock(queue_ids: Collection[int]) -> None:
    """Keep others from changing these queues until the transaction ends, in the order of their numbers.

    Who does so touches no queued message any more.
    """
    if queue_ids and connection.features.has_select_for_update:
        select(
            f"SELECT id FROM transport_queue WHERE id IN ({marks(queue_ids)}) ORDER BY id FOR NO KEY UPDATE",
            list(queue_ids),
        )


def _write(gathered: _Gathered) -> None:
    counted = sorted(gathered.entered.keys() | gathered.departed.keys())
    if gathered.changes:
        lock({*counted, *gathered.changes})
    at = moment(gathered.now)
    execute_many(
        "UPDATE transport_queue SET entered = entered + %s, entered_noted = entered_noted + %s,"
        " departed = departed + %s, departed_noted = departed_noted + %s,"
        " message_count = message_count + %s,"
        " emptied_at = CASE WHEN message_count + %s <= 0 THEN %s::timestamptz ELSE NULL END WHERE id = %s",
        [
            (came, gathered.moved_in[one], left, gathered.unsent[one], came - left, came - left, at, one)
            for one in counted
            for came, left in [(gathered.entered[one], gathered.departed[one])]
        ],
    )
    for queue_id in sorted(gathered.changes):
        for how in gathered.changes[queue_id]:
            how()
