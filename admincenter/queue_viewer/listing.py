"""Which queues and messages stand on one page: bounded reads, however much there is."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, OrderBy, Q, QuerySet, Sum
from django.http import QueryDict

from admincenter.components.lists import Order
from admincenter.filtering import messages as message_properties
from admincenter.filtering import queues as queue_properties
from admincenter.queue_viewer.filters import MessageFilters, QueueFilters, without_hidden
from admincenter.queue_viewer.rows import MessageRow, QueueRow, message_rows, queue_row
from transport.models import Queue, QueuedMessage

QUEUES_PER_PAGE = 100
MESSAGES_PER_PAGE = 100
SCAN_LIMIT = 10_000
"""How many messages one request looks into when a text is searched."""
QUEUE_COLUMNS = {
    "identity": ("server__name", "pk"),
    "next_hop": ("next_hop_domain",),
    "delivery": ("delivery_type",),
    "status": ("status",),
    "messages": ("message_count",),
    "velocity": ("velocity_now",),
    "next_retry": ("next_try_at",),
    "error": ("last_error",),
}
_CURSOR_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePage:
    """One page of the list of queues."""

    rows: Sequence[QueueRow]
    count: int
    """How many queues match."""
    message_count: int
    """How many messages wait in them."""
    number: int
    last_number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where a page of messages begins: after a queued message id, or before it."""

    pk: int = 0
    backwards: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagePage:
    """One page of the messages of a queue, in the order in which they came in."""

    rows: Sequence[MessageRow]
    previous: int
    """Cursor of the page before; 0 when this is the first."""
    following: int
    """Cursor of the page after; 0 when this is the last."""
    searched: int
    """How many messages were looked into before the search stopped; 0 when it came to the end."""


def read_queues(filters: QueueFilters, *, order: Order, number: str | None) -> QueuePage:
    """Return the page with this number, or the last one there is."""
    matching = filters.narrow(without_hidden(queue_properties.listing()))
    totals = matching.aggregate(messages=Sum("message_count"))
    count = matching.count()
    last = max(1, -(-count // QUEUES_PER_PAGE))
    page = min(last, page_number(number))
    first = (page - 1) * QUEUES_PER_PAGE
    queues = _in_order(matching.select_related("server"), order=order)[first : first + QUEUES_PER_PAGE]
    return QueuePage(
        rows=[queue_row(queue) for queue in queues],
        count=count,
        message_count=totals["messages"] or 0,
        number=page,
        last_number=last,
    )


def _in_order(queues: QuerySet[Queue], *, order: Order) -> QuerySet[Queue]:
    queues = queues.annotate(velocity_now=F("outgoing_rate") - F("incoming_rate"))
    columns = [*QUEUE_COLUMNS[order.column], "server__name", "pk"]
    return queues.order_by(*(_by(column, order=order) for column in dict.fromkeys(columns)))


def _by(column: str, *, order: Order) -> OrderBy:
    if order.descending:
        return F(column).desc(nulls_last=True)
    return F(column).asc(nulls_last=True)


def read_cursor(data: QueryDict) -> Cursor:
    """Return what `?after=` or `?before=` says; anything wrong is the first page."""
    for name, backwards in (("after", False), ("before", True)):
        if _is_number(data.get(name)):
            return Cursor(pk=int(data.get(name, "0")), backwards=backwards)
    return Cursor()


def read_messages(queue: Queue, *, filters: MessageFilters, cursor: Cursor) -> MessagePage:
    """Return a page of the messages of a queue; it never reads more than a page, or a bounded search."""
    candidates = filters.narrow_by_status(QueuedMessage.objects.filter(queue=queue), queue=queue)
    candidates = candidates.filter(_beyond(cursor)).order_by("-pk" if cursor.backwards else "pk")
    found, stopped_at = _found(candidates, filters=filters)
    more = len(found) > MESSAGES_PER_PAGE
    shown = sorted(found[:MESSAGES_PER_PAGE])
    onward = (shown[0] if cursor.backwards else shown[-1]) if more else stopped_at
    back = _way_back(cursor, shown=shown)
    return MessagePage(
        rows=_rows(shown),
        previous=onward if cursor.backwards else back,
        following=back if cursor.backwards else onward,
        searched=0 if more or not stopped_at else SCAN_LIMIT,
    )


def _way_back(cursor: Cursor, *, shown: Sequence[int]) -> int:
    """Return the cursor of the page one came from; an empty page leads back over its own cursor."""
    if not cursor.pk:
        return 0
    if cursor.backwards:
        return shown[-1] if shown else cursor.pk - 1
    return shown[0] if shown else cursor.pk + 1


def _beyond(cursor: Cursor) -> Q:
    if not cursor.pk:
        return Q()
    return Q(pk__lt=cursor.pk) if cursor.backwards else Q(pk__gt=cursor.pk)


def _found(candidates: QuerySet[QueuedMessage], *, filters: MessageFilters) -> tuple[list[int], int]:
    """Return the ids that match, one more than a page, and where the search stopped (0: at the end)."""
    most = MESSAGES_PER_PAGE + 1
    if not filters.reads_texts:
        return list(candidates.values_list("pk", flat=True)[:most]), 0
    scanned = candidates.values("pk")[:SCAN_LIMIT]
    last = candidates.values_list("pk", flat=True)[SCAN_LIMIT - 1 : SCAN_LIMIT].first()
    matching = filters.narrow_by_text(message_properties.listing().filter(pk__in=scanned))
    in_order = matching.order_by(*candidates.query.order_by)
    return list(in_order.values_list("pk", flat=True)[:most]), last or 0


def _rows(pks: Sequence[int]) -> list[MessageRow]:
    queued = QueuedMessage.objects.with_status().filter(pk__in=pks)
    return message_rows(list(queued.select_related("message", "queue__server").order_by("pk")))


def page_number(text: str | None) -> int:
    """Return the number that an address names, 1 where it names none."""
    return max(1, int(text)) if text and _is_number(text) else 1


def _is_number(text: str | None) -> bool:
    return bool(text and text.isascii() and text.isdigit() and len(text) <= _CURSOR_DIGITS)
