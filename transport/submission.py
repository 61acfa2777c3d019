"""Mail comes into the system, from outside or as a report made here; it is routed in the same transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from transport import categorizer, dsn, headers, intervals, reports, retries, signing, tracking
from transport.bulk import allocate_ids, insert, moment
from transport.envelope import Envelope, Priority
from transport.models import Content, Message, QueuedMessage, Recipient, TransportServer
from transport.queue import counters
from transport.queue.keys import UNREACHABLE, QueueKey, enter
from transport.queue.moves import Ended
from transport.queue.notices import Notice
from transport.states import DELIVERABLE, Action, DeliveryType, QueuedState, RecipientState

CHUNK_BYTES = 1024 * 1024
QUEUED_COLUMNS = (
    "id", "message_id", "queue_id", "state", "pending", "next_attempt_at", "entered_at", "expires_at",
    "delay_since", "retry_count", "last_error", "priority", "routed_generation",
)  # fmt: skip
"""The columns of a queued message that `Entering.row` fills."""
RECIPIENT_COLUMNS = (
    "message_id", "queued_message_id", "address", "state", "last_reply", "notify", "orcpt",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A message that is on disk once the caller's transaction commits."""

    message_id: int
    internet_message_id: str
    queues: tuple[tuple[str, int], ...]
    """(server name, queue id) to ring for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entering:
    """A message that enters a queue and may be tried at once."""

    message_id: int
    queue_id: int
    delivery_type: DeliveryType
    state: QueuedState
    expires_at: datetime
    priority: Priority
    generation: int
    delay_since: datetime | None = None
    """When it came in, if its sender is to be told once it is late."""

    def row(self, queued_id: int, *, now: datetime) -> tuple[object, ...]:
        """Values for `QUEUED_COLUMNS`."""
        unreachable = self.delivery_type == DeliveryType.UNREACHABLE
        last_error = UNREACHABLE if unreachable else ""
        entered = moment(now)
        return (
            queued_id, self.message_id, self.queue_id, self.state, "", entered, entered,
            moment(self.expires_at), moment(self.delay_since), 0, last_error, self.priority, self.generation,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Placed:
    """One message with its id, its header facts and its ways."""

    message_id: int
    envelope: Envelope
    summary: headers.HeaderSummary
    ways: categorizer.Ways


def signed(envelopes: Sequence[Envelope], *, now: datetime) -> list[Envelope]:
    """Sign messages before the transaction begins: a signature takes 0.3 ms, five times all the rest."""
    signers = categorizer.signers()
    return [signing.signed(one, signers=signers, now=now) for one in envelopes]


@counters.last()
def accept(envelopes: Sequence[Envelope], *, server: TransportServer, now: datetime) -> list[Accepted]:
    """Store messages with content and recipients, each in the queues of its next hops.

    Must run in a transaction; "250" may be said after it has committed. Recipients whose message is
    too large for every connector are reported to the sender at once.
    """
    ids, seen = allocate_ids(Message, len(envelopes)), categorizer.survey(server)
    # What was not signed ahead: reports, and what comes without SMTP.
    envelopes = [signing.signed(one, signers=seen.routing.signers, now=now) for one in envelopes]
    placed = [
        _Placed(message_id, envelope, headers.summary(envelope.content), _ways(envelope, seen=seen))
        for message_id, envelope in zip(ids, envelopes, strict=True)
    ]
    _insert_messages(placed, server=server)
    _insert_content(placed)
    accepted = _enqueue(placed, now=now)
    tracking.write(_arrivals(placed, server=server), now=now)
    _refuse_too_large(placed, server=server, now=now)
    return accepted


def _ways(envelope: Envelope, *, seen: categorizer.Survey) -> categorizer.Ways:
    unique = tuple(dict.fromkeys(envelope.recipients))
    return categorizer.ways(unique, size_bytes=len(envelope.content), seen=seen)


def _insert_messages(placed: Sequence[_Placed], *, server: TransportServer) -> None:
    columns = (
        "id", "server_id", "mail_from", "original_from", "internet_message_id", "subject", "size_bytes",
        "source", "client_address", "client_name", "eight_bit", "smtputf8", "ret", "envid",
        "login", "trusted_sender", "received_at",
    )  # fmt: skip
    insert(Message, columns, [_message_row(one, server=server) for one in placed])


def _message_row(one: _Placed, *, server: TransportServer) -> tuple[object, ...]:
    envelope = one.envelope
    return (
        one.message_id,
        server.pk,
        envelope.mail_from[:320],
        envelope.original_from[:320],
        one.summary.message_id[:512],
        one.summary.subject[:255],
        len(envelope.content),
        envelope.source[:64],
        envelope.client_address[:64],
        envelope.client_name[:255],
        # Many clients send 8-bit content without saying so.
        envelope.eight_bit or not envelope.content.isascii(),
        envelope.smtputf8,
        envelope.ret,
        envelope.envid,
        envelope.login[:64],
        envelope.trusted_sender,
        moment(envelope.received_at),
    )


def _insert_content(placed: Sequence[_Placed]) -> None:
    rows = (
        (one.message_id, position, chunk)
        for one in placed
        for position, chunk in enumerate(_chunks(one.envelope.content))
    )
    insert(Content, ("message_id", "position", "data"), rows)


def _chunks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content) or 1, CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def _enqueue(placed: Sequence[_Placed], *, now: datetime) -> list[Accepted]:
    counts = Counter(key for one in placed for key in one.ways.queues)
    queue_ids = enter(counts, now=now)
    queued_ids = iter(allocate_ids(QueuedMessage, counts.total()) if counts else ())
    queued_rows: list[tuple[object, ...]] = []
    recipient_rows: list[tuple[object, ...]] = []
    for one in placed:
        for key, addresses in one.ways.queues.items():
            queued_id = next(queued_ids)
            queued_rows.append(
                _first_row(one, key=key, queued_id=queued_id, queue_id=queue_ids[key], now=now)
            )
            recipient_rows += [
                (one.message_id, queued_id, address, RecipientState.WAITING, "", *_asked(one, address))
                for address in addresses
            ]
    insert(QueuedMessage, QUEUED_COLUMNS, queued_rows)
    insert(Recipient, RECIPIENT_COLUMNS, recipient_rows)
    names = {known.pk: name for name, known in categorizer.known_servers().by_name.items()}
    return [
        Accepted(
            message_id=one.message_id,
            internet_message_id=one.summary.message_id,
            queues=tuple(
                (names.get(key.server_id, ""), queue_ids[key])
                for key in one.ways.queues
                if key.delivery_type in DELIVERABLE
            ),
        )
        for one in placed
    ]


def _asked(one: _Placed, address: str) -> tuple[str, str]:
    """NOTIFY and ORCPT of one recipient."""
    request = one.envelope.dsn_requests.get(address)
    return (request.notify, request.orcpt) if request else ("", "")


def _first_row(
    one: _Placed, *, key: QueueKey, queued_id: int, queue_id: int, now: datetime
) -> tuple[object, ...]:
    schedule, ceilings = intervals.schedule_of(key.server_id), intervals.ceilings_of(key.server_id)
    priority = ceilings.priority(one.summary.priority, size_bytes=len(one.envelope.content))
    return Entering(
        message_id=one.message_id,
        queue_id=queue_id,
        delivery_type=key.delivery_type,
        state=QueuedState.READY,
        expires_at=retries.expires_at(schedule, one.envelope.received_at, priority=priority),
        priority=priority,
        generation=one.ways.generation,
        delay_since=_delay_since(one, one.ways.queues[key]),
    ).row(queued_id, now=now)


def _delay_since(one: _Placed, addresses: Sequence[str]) -> datetime | None:
    """The arrival, where a delay is to be reported; nobody warns strangers, nor who has no address."""
    envelope = one.envelope
    if not envelope.mail_from or not envelope.trusted_sender:
        return None
    if envelope.dsn_requests and not any(dsn.wants(dsn.DELAY, _asked(one, to)[0]) for to in addresses):
        return None
    return envelope.received_at


def _arrivals(placed: Sequence[_Placed], *, server: TransportServer) -> Iterator[tracking.Line]:
    for one in placed:
        yield tracking.opening(one.envelope, one.summary, message_id=one.message_id, server_id=server.pk)
        ways = one.ways.queues
        if len(ways) > 1 or one.ways.too_large or any(_is_unreachable(key) for key in ways):
            yield from _partings(one, server=server)


def _partings(one: _Placed, *, server: TransportServer) -> Iterator[tracking.Line]:
    """What became of each part of a message that could not go one way at once."""
    line = partial(
        tracking.Line, server_id=server.pk, message_id=one.message_id, source=tracking.Source.ROUTING
    )
    event = tracking.EventId
    for key, addresses in one.ways.queues.items():
        if _is_unreachable(key):
            yield line(event=event.DEFER, context=UNREACHABLE, recipients=tracking.listed(addresses))
        elif len(one.ways.queues) > 1:
            yield line(
                event=event.TRANSFER,
                connector=key.connector_name,
                recipients=tracking.listed(addresses),
                context=key.next_hop_domain[:512],
                reference=str(one.message_id),
            )
    if one.ways.too_large:
        yield line(
            event=event.FAIL,
            recipients=tracking.listed(one.ways.too_large),
            statuses=categorizer.TOO_LARGE.line,
        )


def _is_unreachable(key: QueueKey) -> bool:
    return key.delivery_type == DeliveryType.UNREACHABLE


def _refuse_too_large(placed: Sequence[_Placed], *, server: TransportServer, now: datetime) -> None:
    ended = [
        Ended(
            message_id=one.message_id,
            failures=tuple((address, categorizer.TOO_LARGE) for address in one.ways.too_large),
        )
        for one in placed
        if one.ways.too_large
    ]
    rows = [
        (
            one.message_id,
            address,
            RecipientState.FAILED,
            categorizer.TOO_LARGE.line,
            moment(now),
            *_asked(one, address),
        )
        for one in placed
        for address in one.ways.too_large
    ]
    insert(Recipient, ("message_id", "address", "state", "last_reply", "ended_at", "notify", "orcpt"), rows)
    report(ended, server=server, now=now)


def report(ended: Sequence[Ended], *, server: TransportServer, now: datetime) -> list[Accepted]:
    """Tell senders of mail that failed."""
    failed = [
        Notice(message_id=one.message_id, action=Action.FAILED, recipients=one.failures) for one in ended
    ]
    return notify(failed, server=server, now=now)


def notify(notices: Sequence[Notice], *, server: TransportServer, now: datetime) -> list[Accepted]:
    """Send senders the reports that they are to get; must run in the transaction that made the notices."""
    envelopes = reports.envelopes(notices, server=server, now=now)
    return accept(envelopes, server=server, now=now) if envelopes else []
