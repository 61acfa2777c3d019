"""What the lists are narrowed by; it is typed into a form and kept in the address."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from admincenter.filtering import messages as message_properties
from admincenter.filtering import queues as queue_properties
from admincenter.filtering.wildcards import Wildcard
from admincenter.queue_viewer import words
from admincenter.queue_viewer.expressions import Expression, ExpressionField, Mistake, find_mistake
from connectors.domains import a_label
from transport.models import Queue, QueuedMessage, Recipient
from transport.states import PERSISTENT, Pending, QueuedState

_TEXT_LIMIT = 200


class _Filters(forms.Form):
    """A form whose wrong values narrow nothing and say why."""

    use_required_attribute = False

    @property
    def chosen(self) -> Mapping[str, Any]:
        """What narrows the list, by field; empty and wrong values are left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def mistake(self) -> Mistake | None:
        """What is wrong with the filter that was typed; None where it is right."""
        return find_mistake(self, "filter")

    @property
    def wrong_fields(self) -> Mapping[str, Any]:
        """The sentences about the other fields."""
        return {name: errors for name, errors in self.errors.items() if name != "filter"}

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Name and text of every field, for a form that narrows further."""
        return [(name, self[name].value()) for name in self.fields if self[name].value()]


class QueueFilters(_Filters):
    """Over next hop domain, status and last error, in which `*` stands for any characters."""

    next_hop = forms.CharField(label="Next hop domain contains", required=False, max_length=_TEXT_LIMIT)
    status = forms.ChoiceField(label="Status", required=False)
    error = forms.CharField(label="Last error contains", required=False, max_length=_TEXT_LIMIT)
    filter = ExpressionField(queue_properties.PROPERTIES, label="Filter")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, statuses=words.QUEUE_STATUS)

    def narrow(self, queues: QuerySet[Queue]) -> QuerySet[Queue]:
        """Leave the queues that match; they come from the `listing` of the filter language."""
        chosen = self.chosen
        if text := chosen.get("next_hop"):
            as_stored = Q(next_hop_domain__icontains=a_label(text))
            queues = queues.filter(Q(next_hop_domain__icontains=text) | as_stored)
        if text := chosen.get("error"):
            queues = queues.filter(_says(text))
        if status := chosen.get("status"):
            queues = queues.filter(Q(status=status))
        return queues.filter(_condition(chosen))


def _says(text: str) -> Q | Wildcard:
    if "*" not in text:
        return Q(last_error__icontains=text) | Q(last_error_host__icontains=text)
    return Wildcard(F("last_error"), f"*{text}*")


class MessageFilters(_Filters):
    """Over sender, recipient, subject and status."""

    sender = forms.CharField(label="From contains", required=False, max_length=_TEXT_LIMIT)
    recipient = forms.CharField(label="Recipient contains", required=False, max_length=_TEXT_LIMIT)
    subject = forms.CharField(label="Subject contains", required=False, max_length=_TEXT_LIMIT)
    status = forms.ChoiceField(label="Status", required=False)
    filter = ExpressionField(message_properties.PROPERTIES, label="Filter")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, statuses=words.MESSAGE_STATUS)

    @property
    def reads_texts(self) -> bool:
        """Whether every candidate must be looked at: no index answers "contains"."""
        return any(name != "status" for name in self.chosen)

    def narrow_by_status(self, messages: QuerySet[QueuedMessage], *, queue: Queue) -> QuerySet[QueuedMessage]:
        """Leave the messages of this queue with the chosen status, by the columns that an index knows."""
        status = self.chosen.get("status")
        return messages.filter(_state_of(status, queue=queue)) if status else messages

    def narrow_by_text(self, messages: QuerySet[QueuedMessage]) -> QuerySet[QueuedMessage]:
        """Leave the messages whose texts match; they come from the `listing` of the filter language."""
        chosen = self.chosen
        if text := chosen.get("sender"):
            null = Q(message__mail_from="")
            messages = messages.filter(
                null if text == words.NULL_SENDER else Q(message__mail_from__icontains=text)
            )
        if text := chosen.get("subject"):
            messages = messages.filter(message__subject__icontains=text)
        if text := chosen.get("recipient"):
            theirs = Recipient.objects.filter(queued_message_id=OuterRef("pk"), address__icontains=text)
            messages = messages.filter(Exists(theirs))
        return messages.filter(_condition(chosen))


def without_hidden(queues: QuerySet[Queue]) -> QuerySet[Queue]:
    """Leave out the persistent queues while nothing is in them (exchange.md 4.1); a suspended one stays."""
    return queues.exclude(delivery_type__in=PERSISTENT, message_count__lte=0, suspended=False)


def _condition(chosen: Mapping[str, Any]) -> Q:
    expression: Expression | None = chosen.get("filter")
    return expression.condition if expression else Q()


def _state_of(status: str, *, queue: Queue) -> Q:
    """Return what `with_status` of transport.models computes, turned round for one queue."""
    is_active = Q(state=QueuedState.ACTIVE)
    in_retry = queue.next_retry_at is not None
    waiting = Q(state__in=[QueuedState.READY, QueuedState.RETRY]) if in_retry else Q(state=QueuedState.RETRY)
    return {
        "Active": is_active & Q(pending=Pending.NOTHING),
        "Pending Suspend": is_active & Q(pending=Pending.SUSPEND),
        "Pending Remove": is_active & Q(pending__in=[Pending.REMOVE, Pending.REMOVE_WITH_NDR]),
        "Suspended": Q(state=QueuedState.SUSPENDED),
        "Retry": waiting,
        "Ready": Q(pk__in=[]) if in_retry else Q(state=QueuedState.READY),
    }[status]


def _dress(form: forms.Form, *, statuses: tuple[str, ...]) -> None:
    status = form.fields["status"]
    assert isinstance(status, forms.ChoiceField)  # noqa: S101 - both forms have one
    status.choices = [("", "Any"), *((word, word) for word in statuses)]
    for name, field in form.fields.items():
        field.widget.attrs["class"] = "input"
        field.error_messages["invalid_choice"] = f"Status: “%(value)s” is none of {', '.join(statuses)}."
        if name not in ("status", "filter"):
            field.error_messages["max_length"] = f"{field.label}: at most {_TEXT_LIMIT} characters."
            field.widget.attrs["type"] = "search"
            field.widget.attrs["autocomplete"] = "off"
