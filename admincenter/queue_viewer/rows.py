"""What a row of a list shows: cleaned values, so that a broken row cannot break a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min
from django.utils import timezone

from admincenter.queue_viewer import words
from transport import suspensions
from transport.models import Queue, QueuedMessage, Recipient, Suspension
from transport.states import DELIVERABLE, Pending, QueuedState


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """One queue as it is listed and at the head of its page."""

    pk: int
    identity: str
    server: str
    next_hop: str
    """Readable."""
    next_hop_a_labels: str
    """What DNS is asked for, where that reads differently; else empty."""
    delivery: str
    delivery_type: str
    connector: str
    status: str
    mark: str
    message_count: int
    velocity: str
    trend: str
    """idle, balanced, draining or growing."""
    rates: str
    incoming_rate: float
    outgoing_rate: float
    entered: int
    departed: int
    suspended: bool
    removal: str
    retry_count: int
    first_retry_at: datetime | None
    last_retry_at: datetime | None
    next_retry_at: datetime | None
    """Only while the queue is in Retry."""
    last_error: str
    last_error_host: str
    last_error_at: datetime | None
    held_back_by: str
    """What keeps its mail from going now, in words; empty when nothing does."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRow:
    """One message in one queue."""

    pk: int
    message_id: int
    identity: str
    queue_id: int
    queue_identity: str
    next_hop: str
    sender: str
    recipient: str
    """The first one; empty when the row has none."""
    more_recipients: int
    subject: str
    size: str
    status: str
    mark: str
    received_at: datetime
    entered_at: datetime
    retry_count: int
    last_error: str
    suspended_by: str
    """Who suspended it and why; empty where it is not suspended."""
    suspended_until: datetime | None
    next_attempt_at: datetime | None
    """None while it is being sent, suspended, or in a queue that sends nothing."""
    expires_at: datetime


def queue_row(queue: Queue) -> QueueRow:
    """Read a queue that was fetched `with_status` and its server."""
    status: str = queue.status  # type: ignore[attr-defined] # annotated by with_status
    velocity, trend = words.velocity_in_words(queue)
    return QueueRow(
        pk=queue.pk,
        identity=queue.identity,
        server=queue.server.name,
        next_hop=words.domains_in_words(queue.next_hop_domain),
        next_hop_a_labels=words.a_labels_in_words(queue.next_hop_domain),
        delivery=words.DELIVERY.get(queue.delivery_type, "Unknown"),
        delivery_type=words.shown(queue.delivery_type),
        connector=words.shown(queue.connector_name),
        status=status,
        mark=words.MARKS.get(status, ""),
        message_count=queue.message_count,
        velocity=velocity,
        trend=trend,
        rates=words.rates_in_words(queue),
        incoming_rate=queue.incoming_rate,
        outgoing_rate=queue.outgoing_rate,
        entered=queue.entered,
        departed=queue.departed,
        suspended=queue.suspended,
        removal=queue.removal,
        retry_count=queue.retry_count,
        first_retry_at=queue.first_retry_at,
        last_retry_at=queue.last_retry_at,
        next_retry_at=queue.next_try_at if status in ("Retry", "Ready") else None,  # type: ignore[attr-defined] # annotated too
        last_error=words.shown(queue.last_error),
        last_error_host=words.shown(queue.last_error_host),
        last_error_at=queue.last_error_at,
        held_back_by=words.shown(queue.held_back_by(now=timezone.now())),
        created_at=queue.created_at,
    )


def message_rows(queued: Sequence[QueuedMessage]) -> list[MessageRow]:
    """Read messages that were fetched `with_status`, with message, queue and server."""
    recipients = first_recipients([one.pk for one in queued])
    held = [one.pk for one in queued if _is_held(one)]
    known = suspensions.of_messages(held) if held else {}
    return [_message_row(one, recipients=recipients, suspension=known.get(one.pk)) for one in queued]


def _is_held(queued: QueuedMessage) -> bool:
    return queued.state == QueuedState.SUSPENDED or queued.pending == Pending.SUSPEND


def _message_row(
    queued: QueuedMessage, *, recipients: Mapping[int, tuple[str, int]], suspension: Suspension | None
) -> MessageRow:
    message, queue = queued.message, queued.queue
    status: str = queued.status  # type: ignore[attr-defined] # annotated by with_status
    first, count = recipients.get(queued.pk, ("", 0))
    queue_identity = queue.identity
    return MessageRow(
        pk=queued.pk,
        message_id=message.pk,
        identity=f"{queue_identity}\\{message.pk}",
        queue_id=queue.pk,
        queue_identity=queue_identity,
        next_hop=words.domains_in_words(queue.next_hop_domain),
        sender=words.address_in_words(message.mail_from),
        recipient=words.address_in_words(first) if first else "",
        more_recipients=max(count - 1, 0),
        subject=words.shown(message.subject),
        size=words.size_in_words(message.size_bytes),
        status=status,
        mark=words.MARKS.get(status, ""),
        received_at=message.received_at,
        entered_at=queued.entered_at,
        retry_count=queued.retry_count,
        last_error=words.shown(queued.last_error),
        suspended_by=words.suspension_in_words(suspension),
        suspended_until=suspension.until if suspension else None,
        next_attempt_at=next_attempt(queued),
        expires_at=queued.expires_at,
    )


def next_attempt(queued: QueuedMessage) -> datetime | None:
    """Return when a message is tried next: its own time or that of its queue, whichever is later."""
    queue = queued.queue
    waits = queued.state in (QueuedState.READY, QueuedState.RETRY) and queued.pending == Pending.NOTHING
    if not waits or queue.suspended or queue.removal or queue.delivery_type not in DELIVERABLE:
        return None
    if queue.next_retry_at is None:
        return queued.next_attempt_at
    return max(queued.next_attempt_at, queue.next_retry_at)


def first_recipients(queued_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    """Return the first recipient and their number by queued message, in two queries for a whole page."""
    groups = list(
        Recipient.objects.filter(queued_message_id__in=list(queued_ids))
        .values_list("queued_message_id")
        .annotate(first=Min("pk"), count=Count("pk"))
    )
    addresses = dict(
        Recipient.objects.filter(pk__in=[first for _, first, _ in groups]).values_list("pk", "address")
    )
    return {queued_id: (addresses.get(first, ""), count) for queued_id, first, count in groups if queued_id}
