"""The properties of queued messages (exchange.md 5.2), for filters and sort orders."""

from django.conf import settings
from django.db.models import Case, CharField, DateTimeField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Concat

from admincenter.filtering.identities import identity_text, is_pattern, message_condition, queue_condition
from admincenter.filtering.properties import Kind, Property, by_name
from admincenter.filtering.syntax import Operator
from transport.envelope import Priority
from transport.models import QueuedMessage, QueuedMessageQuerySet, Recipient
from transport.states import QueuedState

PRIORITIES = tuple(priority.name.title() for priority in Priority)
STATUSES = ("Active", "Ready", "Retry", "Suspended", "Pending Suspend", "Pending Remove")


def listing() -> QueuedMessageQuerySet:
    """All queued messages with what the properties need."""
    messages = QueuedMessage.objects.with_status().select_related("message", "queue__server")
    own = When(state=QueuedState.RETRY, then=F("next_attempt_at"))
    return messages.annotate(
        next_retry_at=Case(own, default=F("queue__next_retry_at"), output_field=DateTimeField()),
        priority_name=Case(
            *(When(priority=priority, then=Value(priority.name.title())) for priority in Priority),
            output_field=CharField(),
        ),
    ).alias(
        queue_text=identity_text("queue__"),
        identity_text=Concat(
            identity_text("queue__"),
            Value("\\"),
            Cast(F("message_id"), CharField()),
            output_field=CharField(),
        ),
    )


def _identity(operator: Operator, value: str | None) -> Q:
    if operator is Operator.LIKE or value is None:
        found = Q(identity_text__wildcard=value or "")
    else:
        found = message_condition(value, server=settings.SERVER_NAME)
    return ~found if operator is Operator.NE else found


def _from(operator: Operator, value: str | None) -> Q:
    """The null sender is shown as `<>`, and is found by that too."""
    address = "" if value in {None, "<>"} else str(value)
    if operator is Operator.LIKE:
        return Q(message__mail_from__wildcard=address)
    found = Q(message__mail_from__iexact=address) if address else Q(message__mail_from="")
    return ~found if operator is Operator.NE else found


def _queue(operator: Operator, value: str | None) -> Q:
    if operator is Operator.LIKE or value is None or is_pattern(value):
        found = Q(queue_text__wildcard=value or "")
    else:
        found = queue_condition(value, server=settings.SERVER_NAME, prefix="queue__")
    return ~found if operator is Operator.NE else found


def _recipients(operator: Operator, value: str | None) -> Q:
    """A message fits when one of its recipients here does."""
    lookup = "wildcard" if operator is Operator.LIKE else "iexact"
    here = Recipient.objects.filter(queued_message_id=OuterRef("pk"))
    found = Q(Exists(here.filter(**{f"address__{lookup}": value or ""})))
    return ~found if operator is Operator.NE else found


PROPERTIES = by_name(
    (
        Property(
            name="Identity",
            kind=Kind.TEXT,
            condition=_identity,
            order=("queue__server__name", "queue_id", "message_id"),
        ),
        Property(name="Queue", kind=Kind.TEXT, condition=_queue, order=("queue__server__name", "queue_id")),
        Property(name="FromAddress", kind=Kind.TEXT, condition=_from, order=("message__mail_from",)),
        Property(name="OriginalFromAddress", kind=Kind.TEXT, column="message__original_from"),
        Property(name="Recipients", kind=Kind.TEXT, condition=_recipients),
        Property(name="Status", kind=Kind.CHOICE, column="status", choices=STATUSES),
        Property(name="Priority", kind=Kind.CHOICE, column="priority_name", choices=PRIORITIES),
        Property(name="Size", kind=Kind.SIZE, column="message__size_bytes"),
        Property(name="Subject", kind=Kind.TEXT, column="message__subject"),
        Property(name="InternetMessageId", kind=Kind.TEXT, column="message__internet_message_id"),
        Property(name="MessageSourceName", kind=Kind.TEXT, column="message__source"),
        Property(name="SourceIP", kind=Kind.TEXT, column="message__client_address"),
        Property(name="DateReceived", kind=Kind.TIME, column="entered_at"),
        Property(name="ExpirationTime", kind=Kind.TIME, column="expires_at"),
        Property(name="NextRetryTime", kind=Kind.TIME, column="next_retry_at"),
        Property(name="LastError", kind=Kind.TEXT, column="last_error"),
        Property(name="RetryCount", kind=Kind.NUMBER, column="retry_count"),
    )
)
