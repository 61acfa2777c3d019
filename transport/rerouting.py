"""Mail placed by an older configuration is placed again, also out of the unreachable queue.

The queued message itself says under which configuration generation it was placed, so nothing has to be
remembered between two rounds and a round that dies is simply repeated.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from connectors import routing
from transport import categorizer, servers, submission, tracking
from transport.bulk import allocate_ids, execute_many, insert, moment
from transport.envelope import Priority, Reply
from transport.models import QueuedMessage, Recipient, TransportServer
from transport.queue import counters, poison, resubmits, sweeps
from transport.queue.keys import QueueKey, enter, rename
from transport.queue.moves import Ended
from transport.states import QueuedState, RecipientState

BATCH = 200
TIME_FOR_ONE_ROUND = timedelta(seconds=1)
"""A large move goes on in the next round: between two of them leases are renewed and queues are rung for."""


@dataclass(frozen=True, slots=True)
class _Move:
    """One queued message that leaves its queue for others, with the recipients that go each way."""

    queued: QueuedMessage
    ways: categorizer.Ways


def reroute(server: TransportServer, *, now: datetime) -> int:
    """Place anew what stands in this server's queues under an older generation; returns how many it saw.

    Stops after `TIME_FOR_ONE_ROUND`. The queues of servers that stopped beating are looked after too:
    another source server takes over.
    """
    generation = routing.current().generation
    looked_after = [server.pk, *servers.take_over(now=now)]
    resubmits.work_off(looked_after, now=now)
    placed = 0
    ends = time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
    while rows := list(sweeps.stale_routes(looked_after, generation=generation)[:BATCH]):
        began = time.monotonic()
        ids = [row.pk for row in rows]
        placed += poison.one_by_one(ids, partial(_place, server=server, now=now), now=now)
        if time.monotonic() >= ends:
            break
        # Sessions share this thread with us, and the database: half of the time is theirs.
        time.sleep(time.monotonic() - began)
    return placed


def _place(queued_ids: Sequence[int], *, server: TransportServer, now: datetime) -> int:
    rows = list(
        QueuedMessage.objects.select_for_update(of=("self",))
        .filter(pk__in=queued_ids)
        .exclude(state=QueuedState.ACTIVE)
        .select_related("message", "queue__server__redirect_to")
        .order_by("pk")
    )
    addresses = _addresses([row.pk for row in rows])
    # Redirected mail goes as if the other server had accepted it.
    holders = {row.queue.server_id: row.queue.server.redirect_to or row.queue.server for row in rows}
    seen = {server_id: categorizer.survey(holder) for server_id, holder in holders.items()}
    moves = [_Move(row, _ways(row, addresses[row.pk], seen=seen[row.queue.server_id])) for row in rows]
    stay = [move for move in moves if _stays(move)]
    _mark_placed(stay)
    _move([move for move in moves if move not in stay], server=server, now=now)
    return len(rows)


def _addresses(queued_ids: Sequence[int]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    waiting = Recipient.objects.filter(queued_message_id__in=queued_ids, state=RecipientState.WAITING)
    for queued_id, address in waiting.order_by("pk").values_list("queued_message_id", "address"):
        found[queued_id or 0].append(address)
    return found


def _ways(row: QueuedMessage, addresses: Sequence[str], *, seen: categorizer.Survey) -> categorizer.Ways:
    return categorizer.ways(addresses, size_bytes=row.message.size_bytes, seen=seen)


def _stays(move: _Move) -> bool:
    """Whether the one way that is left is the queue where the message already waits."""
    keys = list(move.ways.queues)
    return not move.ways.too_large and len(keys) == 1 and _is_key_of(keys[0], move.queued)


def _is_key_of(key: QueueKey, queued: QueuedMessage) -> bool:
    queue = queued.queue
    return (key.server_id, key.delivery_type, key.next_hop_domain, key.connector_id) == (
        queue.server_id,
        queue.delivery_type,
        queue.next_hop_domain,
        queue.connector_id,
    )


def _mark_placed(moves: Sequence[_Move]) -> None:
    execute_many(
        "UPDATE transport_queuedmessage SET routed_generation = %s WHERE id = %s",
        [(move.ways.generation, move.queued.pk) for move in moves],
    )
    for key in {key for move in moves for key in move.ways.queues if _has_new_name(key, move.queued)}:
        rename(key)


def _has_new_name(key: QueueKey, queued: QueuedMessage) -> bool:
    return key.connector_name != queued.queue.connector_name


def _move(moves: Sequence[_Move], *, server: TransportServer, now: datetime) -> None:
    if not moves:
        return
    counts = Counter(key for move in moves for key in move.ways.queues)
    left = Counter(move.queued.queue_id for move in moves)
    queue_ids = enter(counts, now=now, moved=True)
    new_ids = iter(allocate_ids(QueuedMessage, counts.total()) if counts else ())
    carried: list[tuple[int, int, str]] = []
    rows: list[tuple[object, ...]] = []
    for move in moves:
        for key, addresses in move.ways.queues.items():
            new_id = next(new_ids)
            rows.append(_entering(move, key=key, queue_id=queue_ids[key]).row(new_id, now=now))
            carried += [(new_id, move.queued.pk, address) for address in addresses]
    insert(QueuedMessage, submission.QUEUED_COLUMNS, rows)
    tracking.write(_redirected(moves), now=now)
    execute_many(
        "UPDATE transport_recipient SET queued_message_id = %s WHERE queued_message_id = %s AND address = %s",
        carried,
    )
    ended = [_end_too_large(move, now=now) for move in moves if move.ways.too_large]
    QueuedMessage.objects.filter(pk__in=[move.queued.pk for move in moves]).delete()
    counters.count_out(left, now=now)
    submission.report(ended, server=server, now=now)


def _entering(move: _Move, *, key: QueueKey, queue_id: int) -> submission.Entering:
    """The message in its new queue; a suspension and the expiry go with it."""
    queued = move.queued
    suspended = queued.state == QueuedState.SUSPENDED
    return submission.Entering(
        message_id=queued.message_id,
        queue_id=queue_id,
        delivery_type=key.delivery_type,
        state=QueuedState.SUSPENDED if suspended else QueuedState.READY,
        expires_at=queued.expires_at,
        priority=Priority(queued.priority),
        delay_since=queued.delay_since,
        generation=move.ways.generation,
    )


def _redirected(moves: Sequence[_Move]) -> Iterator[tracking.Line]:
    """The lines about messages that other servers have from now on."""
    names = {server.pk: name for name, server in categorizer.known_servers().by_name.items()}
    for move in moves:
        holder = move.queued.queue.server
        for key, addresses in move.ways.queues.items():
            if key.server_id != holder.pk:
                yield tracking.Line(
                    server_id=holder.pk,
                    message_id=move.queued.message_id,
                    event=tracking.EventId.REDIRECT,
                    source=tracking.Source.ROUTING,
                    connector=key.connector_name,
                    recipients=tracking.listed(addresses),
                    context=f"to {names.get(key.server_id, '')}",
                )


def _end_too_large(move: _Move, *, now: datetime) -> Ended:
    reply: Reply = categorizer.TOO_LARGE
    execute_many(
        "UPDATE transport_recipient SET state = %s, queued_message_id = NULL, last_reply = %s, ended_at = %s"
        " WHERE queued_message_id = %s AND address = %s",
        [
            (RecipientState.FAILED, reply.line, moment(now), move.queued.pk, address)
            for address in move.ways.too_large
        ],
    )
    queued = move.queued
    line = tracking.Line(
        server_id=queued.queue.server_id,
        message_id=queued.message_id,
        event=tracking.EventId.FAIL,
        source=tracking.Source.ROUTING,
        recipients=tracking.listed(move.ways.too_large),
        statuses=reply.line,
    )
    tracking.write([line], now=now)
    return Ended(
        message_id=move.queued.message_id,
        failures=tuple((address, reply) for address in move.ways.too_large),
    )
