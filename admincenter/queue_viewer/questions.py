"""What an action is going to do, counted before anybody agrees to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db.models import Model, QuerySet

from admincenter.queue_viewer.words import address_in_words, counted, domains_in_words, shown
from transport.models import Queue, QueuedMessage
from transport.states import QueuedState

Row = TypeVar("Row", bound=Model)

SAMPLES = 5
SENDER_LIMIT = 1000
"""Among more messages than this the senders are not counted: a question must not take long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked, and what it stands for."""

    what: str
    """"12 messages in 2 queues"."""
    consequence: str
    samples: Sequence[str]
    more: int
    """How many are not among the samples."""
    selected: Sequence[int]
    vanished: int


class Asked(Protocol):
    """The part of a verb that a question needs."""

    @property
    def consequence(self) -> Callable[[QuerySet[QueuedMessage], int], str]:
        """What follows for so many messages, in words."""


def of_queues(queues: QuerySet[Queue], *, picked: Sequence[int], verb: Asked) -> Question:
    """Look at what waits in these queues."""
    found = list(queues.filter(pk__in=picked).select_related("server").order_by("pk"))
    count = sum(max(queue.message_count, 0) for queue in found)
    waiting = QueuedMessage.objects.filter(queue__in=[queue.pk for queue in found])
    return _question(
        found,
        what=f"{counted(count, 'message')} in {counted(len(found), 'queue')}",
        consequence=verb.consequence(waiting, count),
        sample=_queue_sample,
        picked=picked,
    )


def of_messages(queued: QuerySet[QueuedMessage], *, picked: Sequence[int], verb: Asked) -> Question:
    """Look at these messages."""
    chosen = queued.filter(pk__in=picked)
    found = list(chosen.select_related("message").order_by("pk"))
    return _question(
        found,
        what=counted(len(found), "message"),
        consequence=verb.consequence(chosen, len(found)),
        sample=_message_sample,
        picked=picked,
    )


def _question(
    found: Sequence[Row], *, what: str, consequence: str, sample: Callable[[Row], str], picked: Sequence[int]
) -> Question:
    return Question(
        what=what,
        consequence=consequence,
        samples=[sample(one) for one in found[:SAMPLES]],
        more=max(len(found) - SAMPLES, 0),
        selected=[one.pk for one in found],
        vanished=len(picked) - len(found),
    )


def _queue_sample(queue: Queue) -> str:
    waiting = counted(queue.message_count, "message")
    return f"{queue.identity}: {waiting} for {domains_in_words(queue.next_hop_domain)}"


def _message_sample(one: QueuedMessage) -> str:
    return f"{shown(one.message.subject) or '(no subject)'}, from {address_in_words(one.message.mail_from)}"


def removal(queued: QuerySet[QueuedMessage], count: int, *, with_ndr: bool) -> str:
    """What a removal means for the senders."""
    if not with_ndr:
        return "The senders are not told. This cannot be undone."
    if count > SENDER_LIMIT:
        return "Each sender gets a non-delivery report for each message. This cannot be undone."
    senders = [
        sender for sender in queued.values_list("message__mail_from", flat=True)[: SENDER_LIMIT + 1] if sender
    ]
    if not senders:
        return "No report is sent: these messages have the null sender. This cannot be undone."
    reports = f"{counted(len(senders), 'non-delivery report')} to {counted(len(set(senders)), 'sender')}"
    return f"This sends {reports}. It cannot be undone."


def suspension(_queued: QuerySet[QueuedMessage], _count: int) -> str:
    """What a suspension means."""
    return "Nothing of it leaves until it is resumed. What is in transfer right now is not stopped."


def resumed_queues(queued: QuerySet[QueuedMessage], count: int) -> str:
    """What goes out when queues are resumed: messages that were suspended one by one stay."""
    held = queued.filter(state=QueuedState.SUSPENDED).count() if count <= SENDER_LIMIT else 0
    stay = f" Not the {counted(held, 'message')} suspended one by one." if held else ""
    return f"{counted(count - held, 'message')} may leave at once.{stay}"


def resumed_messages(queued: QuerySet[QueuedMessage], count: int) -> str:
    """What goes out when messages are resumed."""
    stopped = queued.filter(queue__suspended=True).count()
    stay = " The others wait on: their queue is suspended." if 0 < stopped < count else ""
    if stopped == count:
        return "They wait on: their queue is suspended."
    return f"{counted(count - stopped, 'message')} may leave at once.{stay}"
