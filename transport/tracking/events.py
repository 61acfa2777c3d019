"""Lines of the message tracking log as they are written: plain rows, many in one statement.

Whoever records a fact about a message hands its lines to `write` in the same transaction. Thousands a
second pass here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from transport.bulk import insert, moment
from transport.envelope import Envelope, Reply, Stage
from transport.headers import HeaderSummary
from transport.intervals import keeping_of
from transport.models import TrackingEvent
from transport.tracking.words import EventId, Source

_ENTRANCES = {
    "SMTP": Source.SMTP,
    "DSN": Source.DSN,
    "PICKUP": Source.PICKUP,
    "REPLAY": Source.PICKUP,
    "SAFETYNET": Source.SAFETYNET,
}
"""By the first word of a MessageSourceName."""
_COLUMNS = (
    "at", "server_id", "message_id", "event", "source", "connector", "peer_name", "peer_address",
    "recipients", "statuses", "context", "reference", "custom_data", "sender", "internet_message_id",
    "subject", "total_bytes",
)  # fmt: skip
"""The time, which all lines of one write share, then the fields of a line."""
_STAGES = {Stage.DNS: Source.DNS, Stage.QUEUE: Source.QUEUE}


class Line(NamedTuple):
    """One line; the fields are columns of `TrackingEvent`, which says what they hold."""

    server_id: int
    message_id: int
    event: str
    """An `EventId`; where thousands pass, its value: SQLite takes a plain str at half the price."""
    source: str
    """A `Source`, or its value."""
    connector: str = ""
    peer_name: str = ""
    peer_address: str = ""
    recipients: str = ""
    statuses: str = ""
    context: str = ""
    reference: str = ""
    custom_data: str = ""
    sender: str = ""
    internet_message_id: str = ""
    subject: str = ""
    total_bytes: int | None = None


def write(lines: Iterable[Line], *, now: datetime) -> None:
    """Write the lines; must run in the transaction that writes what they tell.

    Those of a server that keeps no message tracking log are dropped.
    """
    at = moment(now)
    rows = [(at, *line) for line in lines if keeping_of(line[0]).message_tracking_log_enabled]
    if rows:
        insert(TrackingEvent, _COLUMNS, rows)


def listed(texts: Sequence[str]) -> str:
    """Recipients as a line holds them."""
    return texts[0] if len(texts) == 1 else "\n".join(texts)


def statuses(replies: Sequence[Reply]) -> str:
    """Replies as a line holds them: one for each recipient, or one for all."""
    if len(replies) == 1:
        return replies[0].line
    lines = [reply.line for reply in replies]
    return lines[0] if len(set(lines)) == 1 else "\n".join(lines)


def opening(envelope: Envelope, summary: HeaderSummary, *, message_id: int, server_id: int) -> Line:
    """Make the line with which the story of a message begins: RECEIVE, or DSN for a report made here."""
    entrance, _, connector = envelope.source.partition(":")
    source = _ENTRANCES.get(entrance.upper(), Source.GATEWAY)
    return Line(
        server_id=server_id,
        message_id=message_id,
        event=EventId.DSN.value if source is Source.DSN else EventId.RECEIVE.value,
        source=source.value,
        connector=connector[:64],
        peer_name=envelope.client_name[:255],
        peer_address=envelope.client_address[:64],
        recipients=listed(envelope.recipients),
        context=envelope.smtp_session,
        reference=envelope.reference[:512],
        sender=envelope.mail_from[:320],
        internet_message_id=summary.message_id[:512],
        subject=summary.subject[:255] if _logs_subjects(server_id) else "",
        total_bytes=len(envelope.content),
    )


def _logs_subjects(server_id: int) -> bool:
    return keeping_of(server_id).message_tracking_log_subject_logging_enabled


def source_of(reply: Reply) -> Source:
    """Who is behind a reply: the DNS, this server's queues, or a host."""
    return _STAGES.get(reply.stage, Source.SMTP)
