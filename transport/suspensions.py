"""What people said when they suspended something; `transport.queue.suspensions` writes it down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from transport.models import SuspendedKind, Suspension

MOST_REASON_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What a person says when suspending."""

    reason: str = ""
    until: datetime | None = None
    """When it ends by itself; None: when somebody resumes it."""


NO_NOTE = Note()


def of_queue(queue_id: int) -> Suspension | None:
    """What is known of the suspension of a queue."""
    return Suspension.objects.filter(kind=SuspendedKind.QUEUE, target_id=queue_id).first()


def of_messages(queued_ids: Sequence[int]) -> dict[int, Suspension]:
    """What is known of the suspensions of queued messages, by their number."""
    found = Suspension.objects.filter(kind=SuspendedKind.MESSAGE, target_id__in=queued_ids)
    return {one.target_id: one for one in found}
