"""What can be done to queues and messages, and how the outcome is said (exchange.md 5.3)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from admincenter.queue_viewer import questions
from admincenter.queue_viewer.words import counted
from transport import operations
from transport.models import Queue, QueuedMessage
from transport.states import ROUTED_AGAIN, DeliveryType, Pending, QueuedState
from transport.suspensions import NO_NOTE, Note

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verb(Generic[Row]):
    """One action on what is picked."""

    perform: "Callable[[QuerySet[Row], str, Note], int]"
    """Takes the rows, who does it and what was said about it; returns how many it moved."""
    done: Callable[[int], str]
    """The sentence for so many that were moved."""
    obstacle: Callable[[Row], str]
    """Why this row is left alone; empty when it is not."""
    remark: Callable[[Iterable[Row]], str] = lambda _: ""
    """What else one should know about what was done."""
    asks: str = ""
    """The question that comes first, with a place for `what`; empty where nothing is asked."""
    consequence: Callable[[QuerySet[QueuedMessage], int], str] = lambda _queued, _count: ""
    """What follows for so many messages, in words."""
    is_danger: bool = False
    """It cannot be undone."""
    takes_note: bool = False
    """The question asks for a reason and an end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of an action."""

    count: int
    sentence: str


def is_futile(verb: Verb[Row], rows: QuerySet[Row], *, picked: Sequence[int]) -> bool:
    """Whether nothing of what is picked can be moved: then there is nothing to ask."""
    found = list(rows.filter(pk__in=picked))
    return bool(found) and all(verb.obstacle(row) for row in found)


def carry_out(
    verb: Verb[Row], rows: QuerySet[Row], *, picked: Sequence[int], actor: str, said: Note = NO_NOTE
) -> Outcome:
    """Do it to those of `picked` that are still among `rows`, and say what happened to every one."""
    found = list(rows.filter(pk__in=picked))
    reasons = Counter(reason for row in found if (reason := verb.obstacle(row)))
    free = [row.pk for row in found if not verb.obstacle(row)]
    count = verb.perform(rows.filter(pk__in=free), actor, said) if free else 0
    sentences = [verb.done(count) if count else "Nothing was done."]
    sentences += [f"{counted} left alone: {reason}." for reason, counted in sorted(reasons.items())]
    if vanished := len(picked) - len(found):
        sentences.append(f"{vanished} no longer there.")
    if count and (remark := verb.remark(found)):
        sentences.append(remark)
    return Outcome(count=count, sentence=" ".join(sentences))


def _suspended_or_empty(queue: Queue) -> str:
    return "suspended, resume it first" if queue.suspended else _empty(queue)


def _empty(queue: Queue) -> str:
    return "" if queue.message_count > 0 else "nothing waits in it"


def _queues_tried(queues: Iterable[Queue]) -> str:
    rerouted = any(queue.delivery_type in ROUTED_AGAIN and not queue.suspended for queue in queues)
    return "Messages without a route are routed again." if rerouted else ""


def _not_to_be_tried(queued: QueuedMessage) -> str:
    if queued.state == QueuedState.ACTIVE:
        return "being sent right now"
    return "suspended, resume it first" if queued.state == QueuedState.SUSPENDED else ""


def _not_to_be_suspended(queued: QueuedMessage) -> str:
    if queued.state == QueuedState.SUSPENDED or queued.pending == Pending.SUSPEND:
        return "suspended already"
    if queued.pending:
        return "about to be removed"
    return _in_submission(queued)


def _not_to_be_resumed(queued: QueuedMessage) -> str:
    is_suspended = queued.state == QueuedState.SUSPENDED or queued.pending == Pending.SUSPEND
    return "" if is_suspended else "not suspended"


def _in_submission(queued: QueuedMessage) -> str:
    return "still on its way through the submission queue" if _passes_submission(queued) else ""


def _passes_submission(queued: QueuedMessage) -> bool:
    return queued.queue.delivery_type == DeliveryType.SUBMISSION


def _queue_is_suspended(queued: Iterable[QueuedMessage]) -> str:
    stopped = any(one.queue.suspended for one in queued)
    return "Their queue is suspended, so they wait until it is resumed." if stopped else ""


def _some_in_transfer(queued: Iterable[QueuedMessage]) -> str:
    in_transfer = any(one.state == QueuedState.ACTIVE for one in queued)
    return "What is being sent right now follows when that attempt has not ended it." if in_transfer else ""


QUEUE_VERBS: Mapping[str, Verb[Queue]] = {
    "retry": Verb(
        perform=lambda queues, actor, _: operations.retry_queues(queues, actor=actor),
        done=lambda count: f"{counted(count, 'queue')} tried now, whatever the next retry time said.",
        obstacle=_suspended_or_empty,
        remark=_queues_tried,
    ),
    "suspend": Verb(
        perform=lambda queues, actor, said: operations.suspend_queues(queues, actor=actor, said=said),
        done=lambda count: f"{counted(count, 'queue')} suspended: nothing leaves until resumed.",
        obstacle=lambda queue: "suspended already" if queue.suspended else "",
        asks="Suspend {what}?",
        consequence=questions.suspension,
        takes_note=True,
    ),
    "resume": Verb(
        perform=lambda queues, actor, _: operations.resume_queues(queues, actor=actor),
        done=lambda count: f"{counted(count, 'queue')} resumed.",
        obstacle=lambda queue: "" if queue.suspended else "not suspended",
        asks="Resume {what}?",
        consequence=questions.resumed_queues,
    ),
    "remove_with_ndr": Verb(
        perform=lambda queues, actor, _: operations.remove_queue_messages(queues, with_ndr=True, actor=actor),
        done=lambda count: f"{counted(count, 'message')} being removed; the senders get a report (NDR).",
        obstacle=_empty,
        asks="Remove {what} with NDR?",
        consequence=partial(questions.removal, with_ndr=True),
        is_danger=True,
    ),
    "remove_without_ndr": Verb(
        perform=lambda queues, actor, _: operations.remove_queue_messages(
            queues, with_ndr=False, actor=actor
        ),
        done=lambda count: f"{counted(count, 'message')} being removed; the senders are not told.",
        obstacle=_empty,
        asks="Remove {what} without NDR?",
        consequence=partial(questions.removal, with_ndr=False),
        is_danger=True,
    ),
}
MESSAGE_VERBS: Mapping[str, Verb[QueuedMessage]] = {
    "retry": Verb(
        perform=lambda queued, actor, _: operations.retry_messages(queued, actor=actor),
        done=lambda count: f"{counted(count, 'message')} tried now.",
        obstacle=_not_to_be_tried,
        remark=_queue_is_suspended,
    ),
    "suspend": Verb(
        perform=lambda queued, actor, said: operations.suspend_messages(queued, actor=actor, said=said),
        done=lambda count: f"{counted(count, 'message')} suspended.",
        obstacle=_not_to_be_suspended,
        remark=_some_in_transfer,
        asks="Suspend {what}?",
        consequence=questions.suspension,
        takes_note=True,
    ),
    "resume": Verb(
        perform=lambda queued, actor, _: operations.resume_messages(queued, actor=actor),
        done=lambda count: f"{counted(count, 'message')} resumed.",
        obstacle=_not_to_be_resumed,
        remark=_queue_is_suspended,
        asks="Resume {what}?",
        consequence=questions.resumed_messages,
    ),
    "remove_with_ndr": Verb(
        perform=lambda queued, actor, _: operations.remove_messages(queued, with_ndr=True, actor=actor),
        done=lambda count: f"{counted(count, 'message')} removed; the senders get a report (NDR).",
        obstacle=_in_submission,
        remark=_some_in_transfer,
        asks="Remove {what} with NDR?",
        consequence=partial(questions.removal, with_ndr=True),
        is_danger=True,
    ),
    "remove_without_ndr": Verb(
        perform=lambda queued, actor, _: operations.remove_messages(queued, with_ndr=False, actor=actor),
        done=lambda count: f"{counted(count, 'message')} removed; the senders are not told.",
        obstacle=_in_submission,
        remark=_some_in_transfer,
        asks="Remove {what} without NDR?",
        consequence=partial(questions.removal, with_ndr=False),
        is_danger=True,
    ),
}
