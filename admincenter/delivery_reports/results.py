"""The rows of the search, and the story of one message."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from admincenter.delivery_reports.words import Said, fate_in_words, shown, tell
from transport import tracking
from transport.models import Message, TrackingEvent
from transport.tracking import EventId, Fate, Place, Search, Tracked

ROWS = 50
EXPORTED_AT_ONCE = 500
RECIPIENTS_SHOWN = 200
EVENTS_SHOWN = 1000
_STATES: Mapping[str, tuple[str, str]] = {
    EventId.SEND: ("Delivered", "is-good"),
    EventId.FAIL: ("Failed", "is-bad"),
    EventId.DROP: ("Dropped", "is-bad"),
    EventId.DEFER: ("Waiting", "is-warn"),
}
_FINAL = (EventId.SEND, EventId.FAIL, EventId.DROP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One message that was found."""

    message_id: int
    at: datetime
    sender: str
    recipient: str
    more_recipients: int
    subject: str
    word: str
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One page of the search."""

    rows: Sequence[Row]
    older: str
    """What the address of the next page says; empty on the last one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientRow:
    """What was last said about one recipient."""

    address: str
    word: str
    mark: str
    reply: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One event as the page shows it."""

    at: datetime
    said: Said
    server: str
    session_id: str
    """The SMTP session whose dialogue may have been logged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """Everything on the page of one message."""

    message_id: int
    subject: str
    sender: str
    internet_message_id: str
    size_bytes: int | None
    word: str
    mark: str
    recipients: Sequence[RecipientRow]
    recipient_count: int
    steps: Sequence[Step]
    more_steps: bool
    is_here: bool
    """The message itself is still known, with its attempts."""


def find(search: Search, *, before: Place | None) -> Found:
    """Read one page, the newest first."""
    lines = tracking.latest(search, most=ROWS + 1, before=before)
    shown_lines = lines[:ROWS]
    fates = tracking.fates([line.message_id for line in shown_lines])
    older = shown_lines[-1] if len(lines) > ROWS else None
    return Found(
        rows=[_row(line, fates.get(line.message_id) or Fate()) for line in shown_lines],
        older=f"{older.at.isoformat()}~{older.pk}" if older else "",
    )


HEAD = (
    "Accepted (UTC)", "Number", "Internet message ID", "From", "To", "Subject", "Bytes", "Outcome",
    "Delivered", "Failed",
)  # fmt: skip


def export(search: Search) -> Iterator[tuple[object, ...]]:
    """Give all messages that a search means, the newest first, as rows under `HEAD`."""
    place: Place | None = None
    while lines := tracking.latest(search, most=EXPORTED_AT_ONCE, before=place):
        fates = tracking.fates([line.message_id for line in lines])
        for line in lines:
            yield _cells(line, fates.get(line.message_id) or Fate())
        place = Place(lines[-1].at, lines[-1].pk)


def _cells(line: TrackingEvent, fate: Fate) -> tuple[object, ...]:
    recipients = line.recipients.split("\n")
    word, _ = fate_in_words(fate, recipients=len(recipients))
    return (
        f"{line.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        line.message_id,
        shown(line.internet_message_id),
        shown(line.sender) or "<>",
        "; ".join(shown(one) for one in recipients),
        shown(line.subject),
        line.total_bytes,
        word,
        len(fate.delivered),
        len(fate.failed - fate.delivered),
    )


def read_place(text: str) -> Place | None:
    """Return the place that an address names; None for no place and for nonsense."""
    at, _, pk = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    known = moment.tzinfo is not None and pk.isascii() and pk.isdigit() and len(pk) < 19  # noqa: PLR2004 - 64 bits
    return Place(moment, int(pk)) if known else None


def _row(line: TrackingEvent, fate: Fate) -> Row:
    recipients = line.recipients.split("\n")
    word, mark = fate_in_words(fate, recipients=len(recipients))
    return Row(
        message_id=line.message_id,
        at=line.at,
        sender=shown(line.sender) or "<>",
        recipient=shown(recipients[0]),
        more_recipients=len(recipients) - 1,
        subject=shown(line.subject),
        word=word,
        mark=mark,
    )


def read_story(message_id: int) -> Story | None:
    """Read the story of a message; None when the log knows nothing of it."""
    events = list(tracking.find(Search(message_id=message_id)))
    if not events:
        return None
    recipients = _recipients(events)
    fate = tracking.fates([message_id]).get(message_id) or Fate()
    word, mark = fate_in_words(fate, recipients=len(recipients))
    first = events[0]
    return Story(
        message_id=message_id,
        subject=shown(first.message_subject),
        sender=shown(first.sender_address),
        internet_message_id=shown(first.message_id),
        size_bytes=first.total_bytes,
        word=word,
        mark=mark,
        recipients=recipients[:RECIPIENTS_SHOWN],
        recipient_count=len(recipients),
        steps=[_step(event) for event in events[:EVENTS_SHOWN]],
        more_steps=len(events) > EVENTS_SHOWN,
        is_here=Message.objects.filter(pk=message_id).exists(),
    )


def _step(event: Tracked) -> Step:
    is_session = len(event.source_context) == 16 and event.source == "SMTP"  # noqa: PLR2004 - 16 hex digits
    return Step(
        at=event.date_time,
        said=tell(event),
        server=event.client_hostname if event.event_id != EventId.RECEIVE else event.server_hostname,
        session_id=event.source_context if is_session else "",
    )


def _recipients(events: Sequence[Tracked]) -> list[RecipientRow]:
    """The last word about each recipient, in the order in which they were named; an end stays the end."""
    found: dict[str, RecipientRow] = {}
    ended: set[str] = set()
    for event in events:
        word, mark = _STATES.get(event.event_id, ("On its way", "is-busy"))
        for index, address in enumerate(event.recipients):
            says_nothing = address in found and event.event_id not in _STATES
            if says_nothing or (address in ended and event.event_id not in _FINAL):
                continue
            if event.event_id in _FINAL:
                ended.add(address)
            replies = event.recipient_status
            found[address] = RecipientRow(
                address=shown(address),
                word=word,
                mark=mark,
                reply=shown(replies[index]) if index < len(replies) else "",
                at=event.date_time,
            )
    return list(found.values())
