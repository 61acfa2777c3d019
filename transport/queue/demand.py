"""Which queues of a server want sessions now, found in one statement however many there are."""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from transport import concurrency
from transport.bulk import execute_many, marks, moment, select
from transport.concurrency import Hold, Limits, Standing
from transport.envelope import Priority
from transport.queue import allowances
from transport.states import DELIVERABLE, WAITING
from transport.throttles import Throttles

PRIORITIES = tuple(Priority)
"""All of them, said for the index: it goes by priority before it goes by time."""
PATIENCE = timedelta(seconds=2)
"""Due mail that has waited for so long gets one more session at each look."""
MOST_PER_LOOK = 100
"""Sessions asked for at one look: opening hundreds at a time would hold up mail that comes meanwhile."""
MOST_AT_ONCE = 1000
"""Sessions asked for at one look for one queue, where its connections are unlimited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """A queue with due mail that may try."""

    queue_id: int
    sessions: int
    """How many more may begin for it now."""
    held_back_by: str
    """The limit that keeps it from having more, in words; empty when it has all that it deserves."""


class _Row(NamedTuple):
    queue_id: int
    connector_id: int
    retry_count: int
    here: int
    connected: int
    due: int
    overdue: bool
    """Some waits although there are sessions."""

    @property
    def wanted(self) -> int:
        """Sessions beyond those that there are.

        Mail that waits although there are sessions waits behind a slow host or a large message. While it is
        not known whether a host can be reached, one session tries; when it comes through, it calls others.
        """
        if not self.connected:
            return 0 if self.here else min(1, self.due)
        deserved = -(-self.due // concurrency.DUE_PER_SESSION)
        return max(deserved, self.here + 1 if self.overdue else 0) - self.here


def demands(  # noqa: PLR0913 - what a look takes into account
    server_id: int,
    *,
    limits: Limits,
    now: datetime,
    queue_ids: Collection[int] | None = None,
    throttles: Throttles | None = None,
    rung: Mapping[int, int] = MappingProxyType({}),
) -> list[Demand]:
    """The queues that have due mail and may try, those that have no session first.

    Among equals the one comes first that was rung for longest ago: `rung` numbers the rings by queue. Of all
    queues of the server, or of `queue_ids`.
    """
    rows = _rows(server_id, queue_ids=queue_ids, limits=limits, now=now)
    look = _Look(rows, server_id=server_id, limits=limits, throttles=throttles or Throttles(), now=now)
    in_order = sorted(rows, key=lambda row: (row.here, rung.get(row.queue_id, 0), row.queue_id))
    return [look.demand(row) for row in in_order if row.due]


def _rows(server_id: int, *, queue_ids: Collection[int] | None, limits: Limits, now: datetime) -> list[_Row]:
    most = min(limits.connections_per_queue, MOST_AT_ONCE)
    # One more than they can all carry shows that the limit holds something back.
    counted = most * concurrency.DUE_PER_SESSION + 1
    only = "" if queue_ids is None else f" AND q.id IN ({marks(queue_ids)})"
    found = select(
        _DUE.format(states=marks(WAITING), priorities=marks(PRIORITIES), kinds=marks(DELIVERABLE)) + only,
        [
            *WAITING,
            *PRIORITIES,
            moment(now),
            counted,
            *WAITING,
            *PRIORITIES,
            moment(now - PATIENCE),
            server_id,
            *DELIVERABLE,
            moment(now),
            *(queue_ids or ()),
        ],
    )
    return [_Row(*row) for row in found]


_DUE = (
    "SELECT q.id, q.connector_id, q.retry_count,"
    " (SELECT count(*) FROM transport_session s WHERE s.queue_id = q.id),"
    " (SELECT count(*) FROM transport_session s WHERE s.queue_id = q.id AND s.connected),"
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


class _Look:
    """One look at all queues: what is granted to one is not there for the next."""

    def __init__(
        self, rows: Sequence[_Row], *, server_id: int, limits: Limits, throttles: Throttles, now: datetime
    ) -> None:
        self._limits = limits
        self._throttles = throttles
        self._now = now
        self._everywhere, self._attended = _sessions_of(server_id)
        self._left = MOST_PER_LOOK
        self._shared: Counter[Hashable] = Counter()
        for row in rows:
            self._shared[throttles.hosts.of(row.queue_id)] += row.here
        self._begun: Counter[int] = Counter()
        self._per_day: dict[int, Hold | None] = {}

    def demand(self, row: _Row) -> Demand:
        decision = concurrency.decide(min(row.wanted, self._left), self._holds(row))
        held = decision.held_back_by
        if held is not None and not row.here and not decision.sessions:
            self._throttles.refuse(row.queue_id, held)
        self._everywhere += decision.sessions
        self._attended += 1 if decision.sessions and not row.here else 0
        self._left -= decision.sessions
        self._shared[self._throttles.hosts.of(row.queue_id)] += decision.sessions
        self._begun[row.connector_id] += decision.sessions
        said = held.said if held is not None else ""
        return Demand(queue_id=row.queue_id, sessions=decision.sessions, held_back_by=said)

    def _holds(self, row: _Row) -> list[Hold]:
        standing = Standing(
            here=row.here,
            everywhere=self._everywhere,
            attended=self._attended,
            shared=self._shared[self._throttles.hosts.of(row.queue_id)],
            begun=self._begun[row.connector_id],
            failed=row.retry_count > 0,
        )
        holds = self._throttles.holds(
            row.queue_id, standing, connector_id=row.connector_id, limits=self._limits
        )
        per_day = self._hold_of_the_day(row.connector_id)
        return [*holds, per_day] if per_day is not None else list(holds)

    def _hold_of_the_day(self, connector_id: int) -> Hold | None:
        if connector_id not in self._per_day:
            connector = self._throttles.connector(connector_id)
            self._per_day[connector_id] = allowances.hold(connector, now=self._now)
        return self._per_day[connector_id]


def _sessions_of(server_id: int) -> tuple[int, int]:
    """How many sessions a server has, and how many of its queues have any."""
    rows = select(
        "SELECT count(*), count(DISTINCT s.queue_id) FROM transport_session s"
        " JOIN transport_queue q ON q.id = s.queue_id WHERE q.server_id = %s",
        [server_id],
    )
    return rows[0][0], rows[0][1]


def write_holds(server_id: int, found: Sequence[Demand]) -> int:
    """Write down what holds each queue back, where that changed; returns in how many queues."""
    now_held = {demand.queue_id: demand.held_back_by[:300] for demand in found if demand.held_back_by}
    stored: dict[int, str] = dict(
        select(
            "SELECT id, throttled_by FROM transport_queue WHERE server_id = %s AND throttled_by <> ''",
            [server_id],
        )
    )
    changed = {
        queue_id: now_held.get(queue_id, "")
        for queue_id in now_held.keys() | stored.keys()
        if now_held.get(queue_id, "") != stored.get(queue_id, "")
    }
    execute_many(
        "UPDATE transport_queue SET throttled_by = %s WHERE id = %s",
        [(changed[queue_id], queue_id) for queue_id in sorted(changed)],
    )
    return len(changed)


def due_here(queue_id: int, *, most: int, now: datetime) -> int:
    """How many messages of one queue could be claimed now, counted no further than `most`."""
    rows = select(
        "SELECT count(*) FROM (SELECT 1 FROM transport_queuedmessage WHERE queue_id = %s"
        f" AND state IN ({marks(WAITING)}) AND priority IN ({marks(PRIORITIES)})"
        " AND next_attempt_at <= %s AND pending = '' LIMIT %s) due",
        [queue_id, *WAITING, *PRIORITIES, moment(now), most],
    )
    return int(rows[0][0])


class OpenSessions(NamedTuple):
    """How many sessions there are."""

    here: int
    """Of one queue."""
    shared: int
    """Of all queues that lead to the same hosts."""
    everywhere: int
    """Of its server."""
    attended: int
    """How many queues of the server have any."""


def open_sessions(queue_id: int, *, together: Collection[int]) -> OpenSessions:
    """Count the sessions of a queue, of those that share its hosts (`together`), and of its server."""
    rows = select(
        "SELECT count(CASE WHEN s.queue_id = %s THEN 1 END),"
        f" count(CASE WHEN s.queue_id IN ({marks(together)}) THEN 1 END), count(*),"
        " count(DISTINCT s.queue_id) FROM transport_session s JOIN transport_queue q ON q.id = s.queue_id"
        " WHERE q.server_id = (SELECT server_id FROM transport_queue WHERE id = %s)",
        [queue_id, *together, queue_id],
    )
    return OpenSessions(*rows[0])
