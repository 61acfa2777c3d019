"""What an administrator does with queues and messages: verbs over a queryset, each returns how many it moved.

Screens, the management shell and later the API call these and nothing deeper. Rights are checked by the
caller's border; each verb writes one line of log and one entry of the audit log (`transport.deeds`).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from connectors.commands import Change, spelled
from transport import bell, deadlocks, outcomes, tracking
from transport.deeds import Deed, name_messages, name_queues, tell_messages, tell_queues
from transport.envelope import DsnRequest, Envelope, Priority
from transport.injected import injected_headers
from transport.models import Content, Queue, QueuedMessage, Recipient, SuspendedKind
from transport.queue import counters, holds, moves, poison, resubmits, suspensions, sweeps
from transport.states import DELIVERABLE, ROUTED_AGAIN, WAITING, DeliveryType, Pending, QueuedState
from transport.suspensions import NO_NOTE, Note


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A message on its way out of the system."""

    file_name: str
    """Safe as a file name: the message number."""
    size_bytes: int
    chunks: Iterator[bytes]


@deadlocks.again
def retry_queues(queues: QuerySet[Queue], *, actor: str) -> int:
    """Retry-Queue: try now, whatever the next retry time says; the timer starts again if that fails.

    The unreachable and the submission queue are routed anew (Retry-Queue -Resubmit). Suspended
    queues and poison messages are left alone. Returns how many queues had something to try.
    """
    now = timezone.now()
    busy = queues.filter(suspended=False, message_count__gt=0).exclude(delivery_type=DeliveryType.POISON)
    with transaction.atomic():
        ids = list(busy.values_list("pk", flat=True))
        waiting = QueuedMessage.objects.filter(queue__in=ids, state__in=WAITING)
        retried = _ids(waiting.filter(state=QueuedState.RETRY))
        moves.make_due(QueuedMessage.objects.filter(pk__in=retried), now=now)
        counters.lock(ids)
        resubmits.request(Queue.objects.filter(pk__in=ids, delivery_type__in=ROUTED_AGAIN))
        _open_gate(ids)
        tell_queues(Deed(event="queues_retried", cmdlet="Retry-Queue", actor=actor), ids)
        _ring_on_commit(ids)
    return len(ids)


@deadlocks.again
def resubmit_queues(queues: QuerySet[Queue], *, actor: str) -> int:
    """Retry-Queue -Resubmit: send the mail of queues back to the categorizer, in the background.

    Works on delivery queues in Retry, the unreachable and the submission queue; suspended queues and
    messages stay (exchange.md 5.3). Returns how many queues that is.
    """
    in_retry = Q(delivery_type__in=DELIVERABLE, next_retry_at__isnull=False)
    wanted = in_retry | Q(delivery_type__in=ROUTED_AGAIN)
    with transaction.atomic():
        ids = list(queues.filter(wanted, suspended=False, message_count__gt=0).values_list("pk", flat=True))
        counters.lock(ids)
        chosen = Queue.objects.filter(pk__in=ids)
        resubmits.request(chosen)
        resubmits.open_gates(chosen, now=timezone.now())
        resubmit = [Change(name="Resubmit", new=True)]
        deed = Deed(event="queues_resubmitted", cmdlet="Retry-Queue", actor=actor, changes=resubmit)
        tell_queues(deed, ids)
        _ring_on_commit(ids)
    return len(ids)


@deadlocks.again
def suspend_queues(queues: QuerySet[Queue], *, actor: str, said: Note = NO_NOTE) -> int:
    """Suspend-Queue: mail may come in, what is in transfer finishes, nothing else leaves."""
    with transaction.atomic():
        ids = list(queues.filter(suspended=False).values_list("pk", flat=True))
        counters.lock(ids)
        count = Queue.objects.filter(pk__in=ids, suspended=False).update(suspended=True)
        suspensions.note(SuspendedKind.QUEUE, ids, by=actor, said=said, now=timezone.now())
        deed = Deed(event="queues_suspended", cmdlet="Suspend-Queue", actor=actor, changes=_note(said))
        tell_queues(deed, ids, count=count, reason=said.reason)
    return count


@deadlocks.again
def resume_queues(queues: QuerySet[Queue], *, actor: str) -> int:
    """Resume-Queue: mail leaves again; messages that were suspended one by one stay suspended."""
    with transaction.atomic():
        ids = list(queues.filter(suspended=True).values_list("pk", flat=True))
        counters.lock(ids)
        count = Queue.objects.filter(pk__in=ids, suspended=True).update(suspended=False)
        suspensions.forget(SuspendedKind.QUEUE, ids)
        tell_queues(Deed(event="queues_resumed", cmdlet="Resume-Queue", actor=actor), ids, count=count)
        _ring_on_commit(ids)
    return count


@deadlocks.again
def remove_queue_messages(queues: QuerySet[Queue], *, with_ndr: bool, actor: str) -> int:
    """Remove everything that waits in these queues now; the dispatcher works it off in the background.

    Messages that come in later stay. Returns how many messages are affected.
    """
    removal = Pending.REMOVE_WITH_NDR if with_ndr else Pending.REMOVE
    with transaction.atomic():
        rows = list(queues.filter(message_count__gt=0).values_list("pk", "message_count"))
        ids = [queue_id for queue_id, _ in rows]
        counters.lock(ids)
        for queue_id in ids:
            last = QueuedMessage.objects.filter(queue=queue_id).aggregate(last=Max("pk"))["last"]
            Queue.objects.filter(pk=queue_id).update(removal=removal, removal_until=last or 0)
        count = sum(count for _, count in rows)
        deed = Deed(
            event="queue_messages_removed",
            cmdlet="Remove-Message",
            actor=actor,
            changes=(_all_in(ids), Change(name="WithNDR", new=with_ndr)),
        )
        tell_queues(deed, ids, count=count, with_ndr=with_ndr)
    return count


@deadlocks.again
def retry_messages(messages: QuerySet[QueuedMessage], *, actor: str) -> int:
    """Try these messages now; opens the gate of a queue that waits for its next retry."""
    now = timezone.now()
    with transaction.atomic():
        waiting = messages.filter(state__in=WAITING)
        ids = _ids(waiting)
        chosen = QueuedMessage.objects.filter(pk__in=ids)
        queue_ids = list(chosen.values_list("queue_id", flat=True).distinct())
        count = moves.make_due(chosen, now=now)
        chosen.exclude(queue__delivery_type__in=DELIVERABLE).update(routed_generation=0)
        counters.lock(queue_ids)
        _open_gate(queue_ids)
        deed = Deed(event="messages_retried", cmdlet="Retry-Message", actor=actor)
        tell_messages(deed, name_messages(ids), among=len(ids), count=count)
        _ring_on_commit(queue_ids)
    return count


@deadlocks.again
def suspend_messages(messages: QuerySet[QueuedMessage], *, actor: str, said: Note = NO_NOTE) -> int:
    """Suspend-Message: not in the submission queue; one in transfer is suspended if that try fails."""
    with transaction.atomic():
        ids = _ids(messages.exclude(queue__delivery_type=DeliveryType.SUBMISSION))
        fresh = suspensions.to_be_noted(ids)
        count = moves.suspend(QueuedMessage.objects.filter(pk__in=ids))
        suspensions.note(SuspendedKind.MESSAGE, fresh, by=actor, said=said, now=timezone.now())
        deed = Deed(event="messages_suspended", cmdlet="Suspend-Message", actor=actor, changes=_note(said))
        tell_messages(deed, name_messages(ids), among=len(ids), count=count, reason=said.reason)
    return count


@deadlocks.again
def resume_messages(messages: QuerySet[QueuedMessage], *, actor: str) -> int:
    """Resume-Message: wait for the next attempt again; in a suspended queue it goes on waiting.

    What waits in the poison queue goes back to the categorizer.
    """
    with transaction.atomic():
        ids = _ids(messages)
        chosen = QueuedMessage.objects.filter(pk__in=ids)
        poison.release(chosen)
        count = moves.resume(chosen, now=timezone.now())
        suspensions.forget(SuspendedKind.MESSAGE, ids)
        deed = Deed(event="messages_resumed", cmdlet="Resume-Message", actor=actor)
        tell_messages(deed, name_messages(ids), among=len(ids), count=count)
        _ring_on_commit(list(chosen.values_list("queue_id", flat=True).distinct()))
    return count


@deadlocks.again
def remove_messages(messages: QuerySet[QueuedMessage], *, with_ndr: bool, actor: str) -> int:
    """Remove-Message: end these messages, with or without a report to the sender.

    One in transfer is removed when that try did not end it. Returns how many were removed or marked.
    """
    pending = Pending.REMOVE_WITH_NDR if with_ndr else Pending.REMOVE
    now = timezone.now()
    with transaction.atomic(), counters.last():
        ids = _ids(messages.exclude(queue__delivery_type=DeliveryType.SUBMISSION))
        chosen, named = QueuedMessage.objects.filter(pk__in=ids), name_messages(ids)
        marked = moves.ask_removal(chosen, pending=pending)
        before = chosen.count()
        ended = moves.take_out(
            chosen, reply=sweeps.REMOVED, report=with_ndr, now=now, by=tracking.Source.ADMIN
        )
        removed = before - chosen.all().count()
        outcomes.report(ended, now=now)
        report = [Change(name="WithNDR", new=with_ndr)]
        deed = Deed(event="messages_removed", cmdlet="Remove-Message", actor=actor, changes=report)
        tell_messages(deed, named, among=len(ids), count=marked + removed, with_ndr=with_ndr)
    return marked + removed


@deadlocks.again
def set_priority(messages: QuerySet[QueuedMessage], *, priority: Priority, actor: str) -> int:
    """Set-Message -Priority: change the order in which new mail leaves; the expiry stays as it is."""
    with transaction.atomic():
        ids = _ids(messages)
        count = moves.set_priority(QueuedMessage.objects.filter(pk__in=ids), priority=priority)
        name = priority.name.title()
        wanted = [Change(name="Priority", new=name)]
        deed = Deed(event="message_priority_set", cmdlet="Set-Message", actor=actor, changes=wanted)
        tell_messages(deed, name_messages(ids), among=len(ids), count=count, priority=name)
    return count


def export_message(queued: QueuedMessage, *, for_replay: bool = False) -> Exported:
    """Export-Message: the stored bytes as they will be sent. Unlike Exchange's it asks for no suspension.

    `for_replay`: with the envelope in X-headers in front, so that the Replay directory takes it back.
    """
    head = injected_headers(_envelope(queued)) if for_replay else b""
    return Exported(
        file_name=f"{queued.message_id}.eml",
        size_bytes=len(head) + queued.message.size_bytes,
        chunks=itertools.chain([head] if head else [], _chunks(queued.message_id)),
    )


def _envelope(queued: QueuedMessage) -> Envelope:
    """Whom the queued message still goes to, with what the sender asked for; the content is left out."""
    message = queued.message
    waiting = Recipient.objects.filter(queued_message_id=queued.pk).order_by("pk")
    return Envelope(
        mail_from=message.mail_from,
        recipients=tuple(one.address for one in waiting),
        content=b"",
        received_at=message.received_at,
        source=message.source,
        client_address=message.client_address,
        client_name=message.client_name,
        eight_bit=message.eight_bit,
        smtputf8=message.smtputf8,
        trusted_sender=message.trusted_sender,
        ret=message.ret,
        envid=message.envid,
        dsn_requests={one.address: DsnRequest(notify=one.notify, orcpt=one.orcpt) for one in waiting},
    )


def _chunks(message_id: int) -> Iterator[bytes]:
    """A query for each: a cursor that stays open as long as a slow reader holds up the whole database."""
    for position in itertools.count():
        chunk = Content.objects.filter(message=message_id, position=position).first()
        if chunk is None:
            return
        yield bytes(chunk.data)


def _ids(messages: QuerySet[QueuedMessage]) -> list[int]:
    """Freeze the selection, and lock it: a filter may match other rows after the first update."""
    ids = list(messages.values_list("pk", flat=True))
    moves.lock(ids)
    return ids


def _open_gate(queue_ids: list[int]) -> None:
    holds.lift(queue_ids)
    waiting_for_retry = Q(next_retry_at__isnull=False)
    Queue.objects.filter(waiting_for_retry, pk__in=queue_ids).update(
        next_retry_at=timezone.now(), retry_count=0
    )


def _ring_on_commit(queue_ids: list[int]) -> None:
    rows = Queue.objects.filter(pk__in=queue_ids, suspended=False, delivery_type__in=DELIVERABLE)
    wanted = list(rows.values_list("server__name", "pk"))
    transaction.on_commit(partial(bell.ring, wanted))


def _note(said: Note) -> tuple[Change, ...]:
    told = (Change(name="Reason", new=said.reason), Change(name="Until", new=spelled(said.until)))
    return tuple(one for one in told if one.new)


def _all_in(queue_ids: list[int]) -> Change:
    """Name the first of these queues in a filter."""
    filters = (f"Queue -eq '{one}'" for one in name_queues(queue_ids))
    return Change(name="Filter", new=" -or ".join(filters))
