"""Which queues of a server want sessions now, found in one statement however many there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from transport import concurrency
from transport.bulk import marks, moment, select
from transport.concurrency import Limits
from transport.envelope import Priority
from transport.states import DELIVERABLE, WAITING

PRIORITIES = tuple(Priority)
"""All of them, said for the index: it goes by priority before it goes by time."""
PATIENCE = timedelta(seconds=2)
"""Due mail that has waited for so long gets one more session at each look."""
MOST_AT_ONCE = 1000
"""Sessions asked for at one look for one queue, where its connections are unlimited."""


class Demand(NamedTuple):
    """A queue and how many more sessions it deserves."""

    queue_id: int
    sessions: int


def demands(server_id: int, *, limits: Limits, now: datetime) -> list[Demand]:
    """The queues that have due mail and may try, those that have no session first."""
    most = min(limits.connections_per_queue, MOST_AT_ONCE)
    rows = select(
        _DUE.format(states=marks(WAITING), priorities=marks(PRIORITIES), kinds=marks(DELIVERABLE)),
        [
            *WAITING,
            *PRIORITIES,
            moment(now),
            most * concurrency.DUE_PER_SESSION,
            *WAITING,
            *PRIORITIES,
            moment(now - PATIENCE),
            server_id,
            *DELIVERABLE,
            moment(now),
        ],
    )
    found = [
        (open_here, Demand(queue_id, _wanted(due, overdue, here=open_here, most=1 if retry_count else most)))
        for queue_id, retry_count, open_here, due, overdue in rows
    ]
    return [demand for _, demand in sorted(found) if demand.sessions > 0]


_DUE = (
    "SELECT q.id, q.retry_count, (SELECT count(*) FROM transport_session s WHERE s.queue_id = q.id),"
    " (SELECT count(*) FROM (SELECT 1 FROM transport_queuedmessage m"
    " WHERE m.queue_id = q.id AND m.state IN ({states})"
    " AND m.priority IN ({priorities}) AND m.next_attempt_at <= %s AND m.pending = ''"
    " LIMIT %s) due),"
    " EXISTS (SELECT 1 FROM transport_queuedmessage m"
    " WHERE m.queue_id = q.id AND m.state IN ({states})"
    " AND m.priority IN ({priorities}) AND m.next_attempt_at <= %s AND m.pending = '')"
    " FROM transport_queue q WHERE q.server_id = %s AND NOT q.suspended AND q.removal = ''"
    " AND q.delivery_type IN ({kinds}) AND (q.next_retry_at IS NULL OR q.next_retry_at <= %s)"
)


def _wanted(due: int, overdue: bool, *, here: int, most: int) -> int:  # noqa: FBT001 - a column
    """Mail that waits although there are sessions waits behind a slow host or a large message."""
    deserved = concurrency.deserved(due, most=most)
    return max(deserved, min(here + 1, most) if overdue else 0) - here


def due_here(queue_id: int, *, most: int, now: datetime) -> int:
    """How many messages of one queue could be claimed now, counted no further than `most`."""
    rows = select(
        "SELECT count(*) FROM (SELECT 1 FROM transport_queuedmessage WHERE queue_id = %s"
        f" AND state IN ({marks(WAITING)}) AND priority IN ({marks(PRIORITIES)})"
        " AND next_attempt_at <= %s AND pending = '' LIMIT %s) due",
        [queue_id, *WAITING, *PRIORITIES, moment(now), most],
    )
    return int(rows[0][0])


def open_sessions(queue_id: int) -> tuple[int, int]:
    """How many sessions this queue has, and how many its server."""
    rows: Sequence[tuple[Any, ...]] = select(
        "SELECT count(CASE WHEN s.queue_id = %s THEN 1 END), count(*) FROM transport_session s"
        " JOIN transport_queue q ON q.id = s.queue_id"
        " WHERE q.server_id = (SELECT server_id FROM transport_queue WHERE id = %s)",
        [queue_id, queue_id],
    )
    here, everywhere = rows[0]
    return here, everywhere
