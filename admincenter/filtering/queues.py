"""The properties of queues (exchange.md 4.5), for filters and orders of shell and queue viewer."""

from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Case, CharField, F, Q, Value, When

from admincenter.filtering.identities import identity_text, is_pattern, queue_condition
from admincenter.filtering.properties import Kind, Property, by_name, nearest
from admincenter.filtering.syntax import Operator
from transport.models import Queue, QueueQuerySet
from transport.states import DELIVERABLE, DeliveryType

STATUSES = ("Active", "Connecting", "Ready", "Retry", "Suspended")
INTERNAL, EXTERNAL = "Internal", "External"
EMPTY = "Empty"
DELIVERY_TYPES = tuple(kind.value for kind in DeliveryType)
CLASSES = (INTERNAL, EXTERNAL, EMPTY, *DELIVERY_TYPES)
"""What -Include and -Exclude take."""


def listing() -> QueueQuerySet:
    """All queues with what the properties need; only what a filter or an order uses is computed."""
    queues = Queue.objects.with_status().select_related("server")
    return queues.alias(
        identity_text=identity_text(),
        velocity_rate=F("outgoing_rate") - F("incoming_rate"),
        category=Case(
            When(delivery_type__in=DELIVERABLE, then=Value(EXTERNAL)),
            default=Value(INTERNAL),
            output_field=CharField(),
        ),
    )


def category(queue: Queue) -> str:
    """NextHopCategory: where the mail of this queue goes (exchange.md 4.3)."""
    return EXTERNAL if queue.delivery_type in DELIVERABLE else INTERNAL


def in_classes(words: tuple[str, ...]) -> Q:
    """Find the queues of any of these classes (-Include, -Exclude). Raises ValueError with the rule."""
    return reduce(or_, (_in_class(word) for word in words), Q(pk__in=[]))


def _in_class(word: str) -> Q:
    known = {name.lower(): name for name in CLASSES}.get(word.lower())
    if known is None:
        raise ValueError(f"there is no class {word} of queues; {nearest(word, CLASSES)}")
    if known == EMPTY:
        return Q(message_count=0)
    if known in {INTERNAL, EXTERNAL}:
        external = Q(delivery_type__in=DELIVERABLE)
        return external if known == EXTERNAL else ~external
    return Q(delivery_type=known)


def _identity(operator: Operator, value: str | None) -> Q:
    if operator is Operator.LIKE or value is None or is_pattern(value):
        found = Q(identity_text__wildcard=value or "")
    else:
        found = queue_condition(value, server=settings.SERVER_NAME)
    return ~found if operator is Operator.NE else found


PROPERTIES = by_name(
    (
        Property(name="Identity", kind=Kind.TEXT, condition=_identity, order=("server__name", "pk")),
        Property(name="DeliveryType", kind=Kind.CHOICE, column="delivery_type", choices=DELIVERY_TYPES),
        Property(name="NextHopCategory", kind=Kind.CHOICE, column="category", choices=(INTERNAL, EXTERNAL)),
        Property(name="NextHopDomain", kind=Kind.TEXT, column="next_hop_domain"),
        Property(name="NextHopConnector", kind=Kind.TEXT, column="connector_name"),
        Property(name="Status", kind=Kind.CHOICE, column="status", choices=STATUSES),
        Property(name="MessageCount", kind=Kind.NUMBER, column="message_count"),
        Property(name="IncomingRate", kind=Kind.NUMBER, column="incoming_rate"),
        Property(name="OutgoingRate", kind=Kind.NUMBER, column="outgoing_rate"),
        Property(name="Velocity", kind=Kind.NUMBER, column="velocity_rate"),
        Property(name="RetryCount", kind=Kind.NUMBER, column="retry_count"),
        Property(name="FirstRetryTime", kind=Kind.TIME, column="first_retry_at"),
        Property(name="LastRetryTime", kind=Kind.TIME, column="last_retry_at"),
        Property(name="NextRetryTime", kind=Kind.TIME, column="next_retry_at"),
        Property(name="LastError", kind=Kind.TEXT, column="last_error"),
        Property(name="HeldBackBy", kind=Kind.TEXT, column="throttled_by"),
        Property(name="Server", kind=Kind.TEXT, column="server__name"),
    )
)
