"""What senders may want to be told about mail that has not failed: that it is late, that it went on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from transport.envelope import Priority, Reply, Stage
from transport.models import Queue, QueuedMessage, Recipient, TransportServer
from transport.states import Action, QueuedState, RecipientState

BATCH = 100
DELAYED = Reply(code=400, enhanced="4.4.7", text="Message delayed", stage=Stage.QUEUE, remote=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Something that happened to some recipients of one message."""

    message_id: int
    action: Action
    recipients: tuple[tuple[str, Reply], ...]
    retry_until: datetime | None = None
    """Of what is late: when it expires; None while it is held."""


def late(
    server: TransportServer, *, priority: Priority, timeout: timedelta, now: datetime
) -> QuerySet[QueuedMessage]:
    """Messages of one priority that wait longer than `timeout` without that their sender was told.

    An index holds nothing but these. What is being sent is left for later: it may well arrive.
    """
    # No join: without statistics SQLite would begin with the queues, and read all that waits in them.
    here = Queue.objects.filter(pk=OuterRef("queue"), server=server)
    waiting = QueuedMessage.objects.filter(Exists(here), priority=priority, delay_since__lte=now - timeout)
    return waiting.exclude(state=QueuedState.ACTIVE)


def take_late(messages: QuerySet[QueuedMessage]) -> list[Notice]:
    """Return a batch of what is `late`, each message only once; must run in a transaction."""
    rows = list(
        messages.select_for_update(of=("self",), skip_locked=True)
        .select_related("queue")
        .order_by("delay_since")[:BATCH]
    )
    QueuedMessage.objects.filter(pk__in=[row.pk for row in rows]).update(delay_since=None)
    waiting = _waiting([row.pk for row in rows])
    return [
        Notice(
            message_id=row.message_id,
            action=Action.DELAYED,
            recipients=tuple((address, _delay(row, heard)) for address, heard in waiting[row.pk]),
            retry_until=None if _is_held(row) else row.expires_at,
        )
        for row in rows
    ]


def _is_held(row: QueuedMessage) -> bool:
    """Whether an administrator has to let it go: until then it is not tried, and does not expire."""
    return row.queue.suspended or row.state == QueuedState.SUSPENDED


def _waiting(queued_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """(address, last reply) of who still waits, by queued message."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = Recipient.objects.filter(queued_message_id__in=queued_ids, state=RecipientState.WAITING)
    for queued_id, address, heard in rows.order_by("pk").values_list(
        "queued_message_id", "address", "last_reply"
    ):
        found[queued_id or 0].append((address, heard))
    return found


def _delay(row: QueuedMessage, heard: str) -> Reply:
    """The delay, with the last thing that was heard."""
    last = heard or row.last_error or row.queue.last_error
    if not last:
        return DELAYED
    text = f"{DELAYED.text} -> {last}"[:512]
    return Reply(code=DELAYED.code, enhanced=DELAYED.enhanced, text=text, stage=Stage.QUEUE, remote=False)
