"""A session opens, claims due mail of one queue, claims more, and gives back what it did not send."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum

from transport import intervals
from transport.bulk import execute_many, marks, select
from transport.envelope import DsnRequest, Priority
from transport.models import Queue, QueuedMessage, Session, TransportServer
from transport.queue.moves import put_back
from transport.states import WAITING, Pending, QueuedState

LEASE = timedelta(seconds=30)
"""How long a claim outlives a worker that stopped renewing it."""
CLAIM_BYTES = 1024 * 1024
"""Content that one claim may bring into memory, unless a single message is larger."""
QUEUE_BYTES = 128 * 1024 * 1024
SERVER_BYTES = 1024 * 1024 * 1024
"""What the sessions of one queue, or of one server, may hold in memory before a large message has to wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """One run of one worker process."""

    name: str
    host_name: str
    process_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much one server does at once (MaxPerDomainOutboundConnections, MaxOutboundConnections)."""

    connections_per_queue: int = 20
    connections: int = 1000
    claim: int = 10
    """Messages a session holds at a time."""


def own_limits() -> Limits:
    """Give the limits of the server that this process belongs to, as they are now."""
    ceilings = intervals.own_ceilings()
    return Limits(connections_per_queue=ceilings.connections_per_queue, connections=ceilings.connections)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One queued message in the hands of a session."""

    queued_id: int
    message_id: int
    mail_from: str
    recipients: tuple[tuple[int, str], ...]
    """(recipient id, address)."""
    content: tuple[bytes, ...]
    size_bytes: int
    eight_bit: bool
    smtputf8: bool
    retry_count: int
    ret: str = ""
    envid: str = ""
    dsn_requests: Mapping[str, DsnRequest] = field(default_factory=dict)
    """By recipient address; empty for mail that asks for nothing."""


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
    more_due: int
    """Due messages that this session left behind, counted up to a bound."""


def open_session(queue_id: int, *, worker: Worker, limits: Limits, now: datetime) -> Opened | None:
    """Open a session and claim its first messages; None when there is nothing it may do.

    Must run in a transaction. The lock on the queue row makes parallel openings count each other.
    """
    rows = Queue.objects.select_for_update(of=("self",), no_key=True).select_related("server")
    queue = rows.filter(pk=queue_id).first()
    if queue is None or not may_connect(queue, limits=limits, now=now):
        return None
    due = _due(queue.pk, most=limits.claim, now=now)
    if not due:
        return None
    session = Session.objects.create(
        queue=queue,
        worker=worker.name,
        host_name=worker.host_name,
        process_id=worker.process_id,
        opened_at=now,
        lease_until=now + LEASE,
    )
    return Opened(
        session_id=session.pk,
        queue_id=queue.pk,
        queue_identity=queue.identity,
        delivery_type=queue.delivery_type,
        next_hop_domain=queue.next_hop_domain,
        connector_id=queue.connector_id,
        server=queue.server,
        opened_at=now,
        claims=_take(due, session_id=session.pk),
        more_due=count_due(queue.pk, most=200, now=now),
    )


def may_connect(queue: Queue, *, limits: Limits, now: datetime) -> bool:
    """Whether one more session may be opened to this queue now."""
    if queue.suspended or queue.removal or (queue.next_retry_at is not None and queue.next_retry_at > now):
        return False
    open_here = Session.objects.filter(queue=queue).count()
    # A next hop that failed is probed by one session before the others come back.
    most = 1 if queue.retry_count else limits.connections_per_queue
    if open_here >= most:
        return False
    return Session.objects.filter(queue__server=queue.server_id).count() < limits.connections


def claim_more(session_id: int, *, queue_id: int, most: int, now: datetime) -> tuple[Claim, ...]:
    """Claim further due messages for an open session; none when the queue was suspended meanwhile."""
    if not Queue.objects.filter(pk=queue_id, suspended=False, removal="").exists():
        return ()
    return _take(_due(queue_id, most=most, now=now), session_id=session_id)


def count_due(queue_id: int, *, most: int, now: datetime) -> int:
    """How many messages a session could claim now, counted no further than `most`."""
    return _claimable(queue_id, now=now)[:most].count()


def lock_sessions(session_ids: Collection[int]) -> set[int]:
    """Keep these sessions as they are until the transaction ends; returns those that still exist.

    Only they may claim more: what a closed session takes, nobody would ever put back.
    """
    rows = Session.objects.select_for_update().filter(pk__in=session_ids).order_by("pk")
    return set(rows.values_list("pk", flat=True))


def close_session(session_id: int, *, error: str = "") -> list[int]:
    """End a session and put its remaining claims back; returns the queued ids that now await removal."""
    # First the session: behind its lock nobody claims more for it.
    Session.objects.filter(pk=session_id).delete()
    held = list(QueuedMessage.objects.filter(session_id=session_id).values_list("pk", flat=True))
    return put_back(held, error=error)


def renew_leases(session_ids: Collection[int], *, now: datetime) -> int:
    """Prolong the leases of sessions that are known to run; returns how many there are."""
    return Session.objects.filter(pk__in=lock_sessions(session_ids)).update(lease_until=now + LEASE)


def _claimable(queue_id: int, *, now: datetime) -> QuerySet[QueuedMessage]:
    return QueuedMessage.objects.filter(
        queue_id=queue_id,
        state__in=WAITING,
        # All of them, said for the index: it goes by priority before it goes by time.
        priority__in=tuple(Priority),
        next_attempt_at__lte=now,
        pending=Pending.NOTHING,
    )


def _due(queue_id: int, *, most: int, now: datetime) -> list[tuple[int, int]]:
    """(queued id, message id) of due messages, new mail first, then by priority, cut where it is too much."""
    rows = (
        _claimable(queue_id, now=now)
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("state", "priority", "next_attempt_at", "pk")
        .values_list("pk", "message_id", "message__size_bytes")[:most]
    )
    taken: list[tuple[int, int]] = []
    total_bytes = 0
    for queued_id, message_id, size_bytes in rows:
        total_bytes += size_bytes
        if taken and total_bytes > CLAIM_BYTES:
            break
        if size_bytes > CLAIM_BYTES and not _has_room(queue_id, size_bytes=size_bytes):
            break
        taken.append((queued_id, message_id))
    return taken


def _has_room(queue_id: int, *, size_bytes: int) -> bool:
    held = QueuedMessage.objects.filter(session_id__isnull=False, queue__server__queues=queue_id)
    sums = held.aggregate(
        here=Sum("message__size_bytes", filter=Q(queue=queue_id), default=0),
        all=Sum("message__size_bytes", default=0),
    )
    # Alone a message may always go, however large.
    room_here = not sums["here"] or sums["here"] + size_bytes <= QUEUE_BYTES
    return room_here and (not sums["all"] or bool(sums["all"] + size_bytes <= SERVER_BYTES))


def _take(due: Sequence[tuple[int, int]], *, session_id: int) -> tuple[Claim, ...]:
    if not due:
        return ()
    execute_many(
        "UPDATE transport_queuedmessage SET state = %s, session_id = %s WHERE id = %s",
        [(QueuedState.ACTIVE, session_id, queued_id) for queued_id, _ in due],
    )
    return _claims([queued_id for queued_id, _ in due], message_ids=[message_id for _, message_id in due])


def _claims(queued_ids: Sequence[int], *, message_ids: Sequence[int]) -> tuple[Claim, ...]:
    recipients: dict[int, list[tuple[int, str]]] = defaultdict(list)
    requests: dict[int, dict[str, DsnRequest]] = defaultdict(dict)
    for queued_id, recipient_id, address, notify, orcpt in select(
        "SELECT queued_message_id, id, address, notify, orcpt FROM transport_recipient"
        f" WHERE queued_message_id IN ({marks(queued_ids)}) ORDER BY id",
        queued_ids,
    ):
        recipients[queued_id].append((recipient_id, address))
        if notify or orcpt:
            requests[queued_id][address] = DsnRequest(notify=notify, orcpt=orcpt)
    content: dict[int, list[bytes]] = defaultdict(list)
    for message_id, data in select(
        f"SELECT message_id, data FROM transport_content WHERE message_id IN ({marks(message_ids)})"
        " ORDER BY message_id, position",
        message_ids,
    ):
        content[message_id].append(bytes(data))
    rows = select(
        "SELECT q.id, q.message_id, m.mail_from, m.size_bytes, m.eight_bit, m.smtputf8, q.retry_count,"
        " m.ret, m.envid"
        " FROM transport_queuedmessage q JOIN transport_message m ON m.id = q.message_id"
        f" WHERE q.id IN ({marks(queued_ids)})",
        queued_ids,
    )
    by_id = {row[0]: row for row in rows}
    return tuple(
        _claim(
            by_id[queued_id],
            recipients=recipients[queued_id],
            content=content[by_id[queued_id][1]],
            requests=requests.get(queued_id, {}),
        )
        for queued_id in queued_ids
    )


def _claim(
    row: tuple[Any, ...],
    *,
    recipients: Sequence[tuple[int, str]],
    content: Sequence[bytes],
    requests: Mapping[str, DsnRequest],
) -> Claim:
    queued_id, message_id, mail_from, size_bytes, eight_bit, smtputf8, retry_count, ret, envid = row
    return Claim(
        queued_id=queued_id,
        message_id=message_id,
        mail_from=mail_from,
        recipients=tuple(recipients),
        content=tuple(content),
        size_bytes=size_bytes,
        eight_bit=bool(eight_bit),
        smtputf8=bool(smtputf8),
        retry_count=retry_count,
        ret=ret,
        envid=envid,
        dsn_requests=requests,
    )
