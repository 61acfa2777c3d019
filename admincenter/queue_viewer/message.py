"""One message as its page shows it: the envelope, where it waits, every recipient and every attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from admincenter.queue_viewer import words
from admincenter.queue_viewer.rows import MessageRow, message_rows
from transport.envelope import Stage
from transport.models import Attempt, Message, QueuedMessage, Recipient
from transport.states import RecipientState

ROWS_PER_PAGE = 200
QUEUES_SHOWN = 200
SPOKEN = (Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT, Stage.QUIT)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientRow:
    """One recipient and what was last said about it."""

    pk: int
    address: str
    state: str
    mark: str
    last_reply: str
    ended_at: datetime | None
    queue: str
    """Identity of the queue it waits in; empty when it ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptRow:
    """One try at one host."""

    pk: int
    at: datetime
    outcome: str
    mark: str
    host: str
    address: str
    stage: str
    code: int
    enhanced: str
    text: str
    tls: str
    tls_policy: str
    in_clear: bool
    """Mail commands were spoken, and nothing protected them."""
    in_doubt: bool
    queue: str
    connector: str
    connector_version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of a list that may be long."""

    rows: Sequence[RecipientRow] | Sequence[AttemptRow]
    count: int
    number: int
    last_number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageView:
    """Everything on the page of a message."""

    pk: int
    subject: str
    sender: str
    original_sender: str
    internet_message_id: str
    size: str
    size_bytes: int
    source: str
    client: str
    server: str
    eight_bit: bool
    smtputf8: bool
    received_at: datetime
    queued: Sequence[MessageRow]
    """Empty: the message ended."""
    tally: Sequence[tuple[str, str, int]]
    """(state of the recipients, look, how many)."""
    recipients: Part
    attempts: Part


def read_message(message: Message, *, recipients_page: int, attempts_page: int) -> MessageView:
    """Read what is known of a message; its server must have been fetched."""
    queued = QueuedMessage.objects.with_status().filter(message=message)
    rows = message_rows(list(queued.select_related("message", "queue__server").order_by("pk")[:QUEUES_SHOWN]))
    client = " ".join(part for part in (message.client_name, message.client_address) if part)
    return MessageView(
        pk=message.pk,
        subject=words.shown(message.subject),
        sender=words.address_in_words(message.mail_from),
        original_sender=words.shown(message.original_from),
        internet_message_id=words.shown(message.internet_message_id),
        size=words.size_in_words(message.size_bytes),
        size_bytes=message.size_bytes,
        source=words.shown(message.source),
        client=words.shown(client),
        server=message.server.name,
        eight_bit=message.eight_bit,
        smtputf8=message.smtputf8,
        received_at=message.received_at,
        queued=rows,
        tally=_tally(message),
        recipients=_recipients(message, number=recipients_page, queued=rows),
        attempts=_attempts(message, number=attempts_page),
    )


def _tally(message: Message) -> list[tuple[str, str, int]]:
    counts = Recipient.objects.filter(message=message).values_list("state").annotate(count=Count("pk"))
    named = [(_state(state), count) for state, count in counts.order_by("state")]
    return [(word, words.MARKS.get(word, ""), count) for word, count in named]


def _state(state: int) -> str:
    return words.RECIPIENT.get(state, "Unknown")


def _recipients(message: Message, *, number: int, queued: Sequence[MessageRow]) -> Part:
    queues = {row.pk: row.queue_identity for row in queued}
    recipients = Recipient.objects.filter(message=message).order_by("pk")
    count = recipients.count()
    number, last, first = _stretch(count, number=number)
    rows = [
        RecipientRow(
            pk=one.pk,
            address=words.address_in_words(one.address),
            state=_state(one.state),
            mark=words.MARKS.get(_state(one.state), ""),
            last_reply=words.shown(one.last_reply),
            ended_at=one.ended_at,
            queue=queues.get(one.queued_message_id or 0, "") if one.state == RecipientState.WAITING else "",
        )
        for one in recipients[first : first + ROWS_PER_PAGE]
    ]
    return Part(rows=rows, count=count, number=number, last_number=last)


def _attempts(message: Message, *, number: int) -> Part:
    """The latest first: it is the one that tells what is wrong now."""
    attempts = Attempt.objects.filter(message=message).order_by("-at", "-pk")
    count = attempts.count()
    number, last, first = _stretch(count, number=number)
    rows = [_attempt_row(one) for one in attempts[first : first + ROWS_PER_PAGE]]
    return Part(rows=rows, count=count, number=number, last_number=last)


def _attempt_row(attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        pk=attempt.pk,
        at=attempt.at,
        outcome=words.shown(attempt.outcome).capitalize(),
        mark=words.MARKS.get(attempt.outcome, ""),
        host=words.shown(attempt.host),
        address=words.shown(attempt.address),
        stage=words.shown(attempt.stage),
        code=attempt.code,
        enhanced=words.shown(attempt.enhanced),
        text=words.shown(attempt.text),
        tls=words.shown(attempt.tls),
        tls_policy=words.shown(attempt.tls_policy),
        in_clear=not attempt.tls and attempt.stage in SPOKEN,
        in_doubt=attempt.in_doubt,
        queue=words.shown(attempt.queue_identity),
        connector=words.shown(attempt.connector_name),
        connector_version=attempt.connector_version,
    )


def _stretch(count: int, *, number: int) -> tuple[int, int, int]:
    """Return the number of the page that is there, of the last one, and where it begins."""
    last = max(1, -(-count // ROWS_PER_PAGE))
    number = max(1, min(number, last))
    return number, last, (number - 1) * ROWS_PER_PAGE
