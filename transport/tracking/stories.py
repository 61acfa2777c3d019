"""Lines of the tracking log with everything that belongs to them, as Exchange's fields (exchange.md 9.3)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transport.models import Message, TrackingEvent, TransportServer
from transport.tracking.words import EventId

_NETWORK = uuid.UUID("6d61696c-666c-8f77-8000-000000000000").int
"""Network message ids of this product: a version 8 UUID (RFC 9562) whose last 60 bits are our number."""
_NUMBER_BITS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """One line; the names are Exchange's."""

    date_time: datetime
    client_ip: str
    client_hostname: str
    server_ip: str
    server_hostname: str
    source_context: str
    connector_id: str
    source: str
    event_id: str
    internal_message_id: int
    message_id: str
    network_message_id: str
    recipients: tuple[str, ...]
    recipient_status: tuple[str, ...]
    """One for each recipient, or none."""
    total_bytes: int | None
    reference: str
    message_subject: str
    sender_address: str
    return_path: str
    message_info: datetime | None
    """When the message came in, for the lines that say what became of it."""
    directionality: str
    original_client_ip: str
    custom_data: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """What belongs to the message as a whole."""

    sender: str = ""
    internet_message_id: str = ""
    subject: str = ""
    total_bytes: int | None = None
    client_address: str = ""
    at: datetime | None = None


def network_message_id(message_id: int) -> str:
    """The number that stays the same wherever the message goes."""
    return str(uuid.UUID(int=_NETWORK | message_id))


def message_number(network_id: str) -> int | None:
    """The message that a network message id means; None when it is none of ours."""
    try:
        value = uuid.UUID(network_id).int
    except ValueError:
        return None
    number = value & ((1 << _NUMBER_BITS) - 1)
    return number if value == _NETWORK | number else None


def tell(lines: Sequence[TrackingEvent], *, servers: Mapping[int, TransportServer]) -> list[Tracked]:
    """Complete the lines with what is known of their messages; two queries, however many lines."""
    known = _facts({line.message_id for line in lines})
    return [
        _told(line, known.get(line.message_id) or _Facts(), servers.get(line.server_id)) for line in lines
    ]


def _facts(message_ids: set[int]) -> dict[int, _Facts]:
    opened = TrackingEvent.objects.filter(message_id__in=message_ids, total_bytes__isnull=False)
    found = {
        one.message_id: _Facts(
            one.sender, one.internet_message_id, one.subject, one.total_bytes, one.peer_address, one.at
        )
        for one in opened
    }
    # Accepted while tracking was off, or so long ago that the line is gone: the message itself may be there.
    for one in Message.objects.filter(pk__in=message_ids - found.keys()):
        found[one.pk] = _Facts(
            one.mail_from,
            one.internet_message_id,
            one.subject,
            one.size_bytes,
            one.client_address,
            one.received_at,
        )
    return found


def _told(line: TrackingEvent, facts: _Facts, server: TransportServer | None) -> Tracked:
    here = server.fqdn if server else ""
    opens = line.total_bytes is not None
    offered = bool(line.peer_name) and not opens
    sender = facts.sender or "<>"
    recipients = tuple(line.recipients.split("\n")) if line.recipients else ()
    return Tracked(
        date_time=line.at,
        client_ip=_ip(line.peer_address) if opens else "",
        client_hostname=line.peer_name if opens else here,
        server_ip="" if opens else _ip(line.peer_address),
        server_hostname=line.peer_name if offered else here,
        source_context=line.context,
        connector_id=line.connector,
        source=line.source,
        event_id=line.event,
        internal_message_id=line.message_id,
        message_id=facts.internet_message_id,
        network_message_id=network_message_id(line.message_id),
        recipients=recipients,
        recipient_status=_each(line.statuses, count=len(recipients)),
        total_bytes=facts.total_bytes,
        reference=line.reference,
        message_subject=facts.subject,
        sender_address=sender,
        return_path=sender,
        message_info=facts.at if line.event in (EventId.SEND, EventId.FAIL) else None,
        directionality="Originating",
        original_client_ip=_ip(facts.client_address),
        custom_data=line.custom_data,
    )


def _each(statuses: str, *, count: int) -> tuple[str, ...]:
    if not statuses:
        return ()
    lines = tuple(statuses.split("\n"))
    return lines * max(count, 1) if len(lines) == 1 else lines


def _ip(endpoint: str) -> str:
    """The address of `192.0.2.1:25`, of `[2001:db8::1]:25`, or of an address alone."""
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint if endpoint.count(":") > 1 else endpoint.partition(":")[0]
