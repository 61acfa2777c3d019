"""What a removal is going to do, counted before anybody agrees to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from admincenter.queue_viewer.words import address_in_words, counted, domains_in_words, shown
from transport.models import Queue, QueuedMessage

SAMPLES = 5
SENDER_LIMIT = 1000
"""Among more messages than this the senders are not counted: a question must not take long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """The question that is put, and what it stands for."""

    verb: str
    with_ndr: bool
    what: str
    """"12 messages in 2 queues"."""
    consequence: str
    samples: Sequence[str]
    more: int
    """How many are not among the samples."""
    selected: Sequence[int]
    vanished: int


def of_queues(queues: QuerySet[Queue], *, picked: Sequence[int], verb: str, with_ndr: bool) -> Removal:
    """Look at what waits in these queues."""
    found = list(queues.filter(pk__in=picked).select_related("server").order_by("pk"))
    count = sum(max(queue.message_count, 0) for queue in found)
    waiting = QueuedMessage.objects.filter(queue__in=[queue.pk for queue in found])
    return Removal(
        verb=verb,
        with_ndr=with_ndr,
        what=f"{counted(count, 'message')} in {counted(len(found), 'queue')}",
        consequence=_consequence(waiting, count=count, with_ndr=with_ndr),
        samples=[_sample(queue) for queue in found[:SAMPLES]],
        more=max(len(found) - SAMPLES, 0),
        selected=[queue.pk for queue in found],
        vanished=len(picked) - len(found),
    )


def of_messages(
    queued: QuerySet[QueuedMessage], *, picked: Sequence[int], verb: str, with_ndr: bool
) -> Removal:
    """Look at these messages."""
    chosen = queued.filter(pk__in=picked)
    found = list(chosen.select_related("message").order_by("pk"))
    return Removal(
        verb=verb,
        with_ndr=with_ndr,
        what=counted(len(found), "message"),
        consequence=_consequence(chosen, count=len(found), with_ndr=with_ndr),
        samples=[
            f"{shown(one.message.subject) or '(no subject)'}, from {address_in_words(one.message.mail_from)}"
            for one in found[:SAMPLES]
        ],
        more=max(len(found) - SAMPLES, 0),
        selected=[one.pk for one in found],
        vanished=len(picked) - len(found),
    )


def _sample(queue: Queue) -> str:
    waiting = counted(queue.message_count, "message")
    return f"{queue.identity}: {waiting} for {domains_in_words(queue.next_hop_domain)}"


def _consequence(queued: QuerySet[QueuedMessage], *, count: int, with_ndr: bool) -> str:
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
