"""A session opens, claims due mail of one queue, claims more, and gives back what it did not send."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection

from transport import concurrency, intervals, servers
from transport.bulk import allocate_ids, execute_many, insert, marks, moment, select
from transport.concurrency import Limits, Standing
from transport.models import Session, TransportServer
from transport.queue import allowances, demand
from transport.queue.claimed import Claim, Due, due, load
from transport.queue.moves import put_back
from transport.states import DELIVERABLE, QueuedState
from transport.throttles import Throttles

LEASE = timedelta(seconds=30)
"""How long a claim outlives a worker that stopped renewing it."""
CLAIM_BYTES = 1024 * 1024
"""Content that one claim may bring into memory, unless a single message is larger."""
QUEUE_BYTES = 128 * 1024 * 1024
SERVER_BYTES = 1024 * 1024 * 1024
"""What the sessions of one queue, or of one server, may hold in memory before a large message has to wait."""
_OPENING = 0x6F70656E
"""Names the turns of those who open sessions among PostgreSQL's advisory locks."""
_TURNS = 2**31 - 1
"""So many of them; queues that share one only wait for each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """One run of one worker process."""

    name: str
    host_name: str
    process_id: int


def own_limits() -> Limits:
    """Give the limits of the server that this process belongs to, as they are now."""
    ceilings = intervals.own_ceilings()
    return Limits(connections_per_queue=ceilings.connections_per_queue, connections=ceilings.connections)


@dataclass(frozen=True, kw_only=True, slots=True)
class Want:
    """An open session asks for mail."""

    session_id: int
    queue_id: int
    most: int
    """Messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A session that may dial."""

    session_id: int
    queue_id: int
    queue_identity: str
    delivery_type: str
    next_hop_domain: str
    connector_id: int
    server: TransportServer
    opened_at: datetime
    claims: tuple[Claim, ...]
    helpers: int
    """How many further sessions should be opened for the mail that this one left behind."""


def open_session(
    queue_id: int,
    *,
    worker: Worker,
    limits: Limits,
    now: datetime,
    throttles: Throttles | None = None,
) -> Opened | None:
    """Open a session and claim its first messages; None when there is nothing it may do.

    Must run in a transaction. Turns make parallel openings count each other.
    """
    take_turns({queue_id})
    queue = _queue_to_try(queue_id, now=now)
    if queue is None:
        return None
    throttles = throttles or Throttles()
    allowed = _allowed(queue_id, queue, limits=limits, throttles=throttles, now=now)
    if not allowed.claim:
        return None
    found = due(queue_id, most=allowed.claim, now=now, backlog_until=queue.backlog_until)
    chosen = _fitting(queue_id, found)
    if not chosen:
        return None
    session_id = _insert_session(queue_id, worker=worker, now=now)
    throttles.stand(session_id, connector_id=queue.connector_id)
    claims = _take({session_id: chosen})[session_id]
    left = demand.due_here(queue_id, most=allowed.most * concurrency.DUE_PER_SESSION, now=now)
    server = servers.known(queue.server_id)
    return Opened(
        session_id=session_id,
        queue_id=queue_id,
        queue_identity=f"{server.name}\\{queue_id}",
        delivery_type=queue.delivery_type,
        next_hop_domain=queue.next_hop_domain,
        connector_id=queue.connector_id,
        server=server,
        opened_at=now,
        claims=claims,
        helpers=concurrency.helpers(left + len(claims), sessions=allowed.here + 1, most=allowed.most),
    )


def take_turns(queue_ids: Collection[int]) -> None:
    """Wait until nobody else opens a session to these queues; must come first in a transaction.

    A lock of its own: that of the queue's row belongs to those who count.
    """
    if queue_ids and connection.features.has_select_for_update:
        turns = sorted({queue_id % _TURNS for queue_id in queue_ids})
        select("SELECT pg_advisory_xact_lock(%s, turn) FROM unnest(%s::int[]) turn", [_OPENING, turns])


class _QueueToTry(NamedTuple):
    server_id: int
    delivery_type: str
    next_hop_domain: str
    connector_id: int
    retry_count: int
    backlog_until: Any


def _queue_to_try(queue_id: int, *, now: datetime) -> _QueueToTry | None:
    rows = select(
        "SELECT server_id, delivery_type, next_hop_domain, connector_id, retry_count, backlog_until"
        " FROM transport_queue"
        f" WHERE id = %s AND NOT suspended AND removal = '' AND delivery_type IN ({marks(DELIVERABLE)})"
        " AND (next_retry_at IS NULL OR next_retry_at <= %s)",
        [queue_id, *DELIVERABLE, moment(now)],
    )
    return _QueueToTry(*rows[0]) if rows else None


class _Allowed(NamedTuple):
    claim: int
    """Messages that a new session may claim; 0 when none may begin."""
    here: int
    most: int
    """Sessions that the queue may have."""


def _allowed(
    queue_id: int, queue: _QueueToTry, *, limits: Limits, throttles: Throttles, now: datetime
) -> _Allowed:
    there = demand.open_sessions(queue_id, together=throttles.hosts.together(queue_id))
    standing = Standing(
        here=there.here,
        everywhere=there.everywhere,
        attended=there.attended,
        shared=there.shared,
        failed=queue.retry_count > 0,
    )
    holds = list(throttles.holds(queue_id, standing, connector_id=queue.connector_id, limits=limits))
    connector = throttles.connector(queue.connector_id)
    if connector.messages_per_day is not None:
        allowances.lock([connector.connector_id], now=now)
    per_day = allowances.hold(connector, now=now)
    if per_day is not None:
        holds.append(per_day)
    decision = concurrency.decide(1, holds)
    if not decision.sessions:
        if decision.held_back_by is not None and not there.here:
            throttles.refuse(queue_id, decision.held_back_by)
        return _Allowed(0, there.here, 0)
    claim = limits.claim if per_day is None else min(limits.claim, per_day.room)
    # A next hop that failed is probed by one session before the others come back.
    most = there.here + min(hold.room for hold in holds)
    return _Allowed(claim, there.here, most)


def _insert_session(queue_id: int, *, worker: Worker, now: datetime) -> int:
    (session_id,) = allocate_ids(Session, 1)
    columns = (
        "id", "queue_id", "worker", "host_name", "process_id", "connected", "opened_at", "lease_until",
    )  # fmt: skip
    whose = (worker.name, worker.host_name, worker.process_id)
    insert(Session, columns, [(session_id, queue_id, *whose, False, moment(now), moment(now + LEASE))])
    return session_id


def claim(wants: Sequence[Want], *, now: datetime) -> Mapping[int, tuple[Claim, ...]]:
    """Claim due messages for open sessions; returns them by session, none of a suspended queue.

    Sessions of one queue share the statements: twenty of them cost little more than one.
    """
    if not wants:
        return {}
    by_queue: dict[int, list[Want]] = defaultdict(list)
    for want in wants:
        by_queue[want.queue_id].append(want)
    dealt: dict[int, list[Due]] = {}
    for queue_id, backlog_until in _flowing(by_queue):
        sessions = by_queue[queue_id]
        most = sum(want.most for want in sessions)
        found = due(queue_id, most=most, now=now, backlog_until=backlog_until)
        for want in sessions:
            dealt[want.session_id] = _fitting(queue_id, found[: want.most])
            found = found[len(dealt[want.session_id]) :]
    return _take(dealt)


def _flowing(queue_ids: Collection[int]) -> list[tuple[int, Any]]:
    """Those of the queues from which mail may be taken, and since when what is older is their backlog."""
    return select(
        "SELECT id, backlog_until FROM transport_queue"
        f" WHERE id IN ({marks(queue_ids)}) AND NOT suspended AND removal = '' ORDER BY id",
        list(queue_ids),
    )


def lock_sessions(session_ids: Collection[int]) -> set[int]:
    """Keep these sessions as they are until the transaction ends; returns those that still exist.

    Only they may claim more: what a closed session takes, nobody would ever put back.
    """
    if not session_ids:
        return set()
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    rows = select(
        f"SELECT id FROM transport_session WHERE id IN ({marks(session_ids)}) ORDER BY id{lock}",
        list(session_ids),
    )
    return {row[0] for row in rows}


def close_session(session_id: int, *, error: str = "") -> list[int]:
    """End a session and put its remaining claims back; returns the queued ids that now await removal."""
    # First the session: behind its lock nobody claims more for it.
    execute_many("DELETE FROM transport_session WHERE id = %s", [(session_id,)])
    held = select("SELECT id FROM transport_queuedmessage WHERE session_id = %s", [session_id])
    return put_back([row[0] for row in held], error=error)


def renew_leases(session_ids: Collection[int], *, now: datetime) -> int:
    """Prolong the leases of sessions that are known to run; returns how many there are."""
    return Session.objects.filter(pk__in=lock_sessions(session_ids)).update(lease_until=now + LEASE)


def _fitting(queue_id: int, found: Sequence[Due]) -> list[Due]:
    """As many of these, from the first on, as one claim may bring into memory."""
    taken: list[Due] = []
    total_bytes = 0
    for one in found:
        total_bytes += one.size_bytes
        if taken and total_bytes > CLAIM_BYTES:
            break
        if one.size_bytes > CLAIM_BYTES and not _has_room(queue_id, size_bytes=one.size_bytes):
            break
        taken.append(one)
    return taken


def _has_room(queue_id: int, *, size_bytes: int) -> bool:
    ((here, everywhere),) = select(_HELD, [queue_id, queue_id])
    # Alone a message may always go, however large.
    return (not here or here + size_bytes <= QUEUE_BYTES) and (
        not everywhere or everywhere + size_bytes <= SERVER_BYTES
    )


_HELD = (
    "SELECT COALESCE(SUM(CASE WHEN s.queue_id = %s THEN m.size_bytes END), 0), COALESCE(SUM(m.size_bytes), 0)"
    " FROM transport_session s JOIN transport_queue q ON q.id = s.queue_id"
    " JOIN transport_queuedmessage h ON h.session_id = s.id JOIN transport_message m ON m.id = h.message_id"
    " WHERE q.server_id = (SELECT server_id FROM transport_queue WHERE id = %s)"
)


def _take(dealt: Mapping[int, Sequence[Due]]) -> Mapping[int, tuple[Claim, ...]]:
    execute_many(
        "UPDATE transport_queuedmessage SET state = %s, session_id = %s WHERE id = %s",
        [
            (QueuedState.ACTIVE, session_id, one.queued_id)
            for session_id, chosen in dealt.items()
            for one in chosen
        ],
    )
    loaded = iter(load([one for chosen in dealt.values() for one in chosen]))
    return {session_id: tuple(islice(loaded, len(chosen))) for session_id, chosen in dealt.items()}
