"""All matching queues or messages as rows of a CSV file: read in small pieces, however many there are."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import QuerySet

from admincenter.filtering import messages as message_properties
from admincenter.filtering import queues as queue_properties
from admincenter.queue_viewer.filters import MessageFilters, QueueFilters, without_hidden
from admincenter.queue_viewer.rows import first_recipients
from admincenter.queue_viewer.words import shown
from transport.models import Queue, QueuedMessage

AT_ONCE = 500
"""Rows that are in memory at a time; no statement stays open while a slow client reads."""
QUEUE_HEAD = (
    "Identity", "Server", "DeliveryType", "NextHopCategory", "NextHopDomain", "NextHopConnector", "Status",
    "MessageCount", "IncomingRate", "OutgoingRate", "Velocity", "RetryCount", "FirstRetryTime (UTC)",
    "LastRetryTime (UTC)", "NextRetryTime (UTC)", "LastError", "LastErrorHost", "LastErrorTime (UTC)",
)  # fmt: skip
MESSAGE_HEAD = (
    "Identity", "Queue", "NextHopDomain", "FromAddress", "Recipient", "RecipientCount", "Subject", "Status",
    "Priority", "Size (bytes)", "InternetMessageId", "MessageSourceName", "SourceIP", "DateReceived (UTC)",
    "ExpirationTime (UTC)", "NextRetryTime (UTC)", "RetryCount", "LastError",
)  # fmt: skip


def queue_lines(filters: QueueFilters) -> Iterator[tuple[object, ...]]:
    """Give the queues that match, in the order in which they were made, as rows under `QUEUE_HEAD`."""
    matching = filters.narrow(without_hidden(queue_properties.listing())).order_by("pk")
    last = 0
    while queues := list(matching.filter(pk__gt=last)[:AT_ONCE]):
        yield from map(_queue_cells, queues)
        last = queues[-1].pk


def _queue_cells(queue: Queue) -> tuple[object, ...]:
    return (
        queue.identity,
        queue.server.name,
        shown(queue.delivery_type),
        queue_properties.category(queue),
        shown(queue.next_hop_domain),
        shown(queue.connector_name),
        queue.status,  # type: ignore[attr-defined] # annotated by with_status
        queue.message_count,
        queue.incoming_rate,
        queue.outgoing_rate,
        queue.velocity,
        queue.retry_count,
        _time(queue.first_retry_at),
        _time(queue.last_retry_at),
        _time(queue.next_retry_at),
        shown(queue.last_error),
        shown(queue.last_error_host),
        _time(queue.last_error_at),
    )


def message_lines(
    candidates: QuerySet[QueuedMessage], filters: MessageFilters
) -> Iterator[tuple[object, ...]]:
    """Give those of `candidates` that match, in the order in which they came in, under `MESSAGE_HEAD`."""
    last = 0
    while pks := list(candidates.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        found = list(filters.narrow_by_text(message_properties.listing().filter(pk__in=pks)).order_by("pk"))
        recipients = first_recipients([one.pk for one in found])
        for one in found:
            yield _message_cells(one, *recipients.get(one.pk, ("", 0)))
        last = pks[-1]


def _message_cells(one: QueuedMessage, recipient: str, count: int) -> tuple[object, ...]:
    message, queue = one.message, one.queue
    return (
        one.identity,
        queue.identity,
        shown(queue.next_hop_domain),
        shown(message.mail_from) or "<>",
        shown(recipient),
        count,
        shown(message.subject),
        one.status,  # type: ignore[attr-defined] # annotated by with_status
        one.priority_name,  # type: ignore[attr-defined] # annotated by the listing
        message.size_bytes,
        shown(message.internet_message_id),
        shown(message.source),
        shown(message.client_address),
        _time(one.entered_at),
        _time(one.expires_at),
        _time(one.next_retry_at),  # type: ignore[attr-defined] # annotated by the listing
        one.retry_count,
        shown(one.last_error),
    )


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""
