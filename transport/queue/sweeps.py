"""What time does to queues: leases run out, messages expire, removals go on, empty queues go.

Each function does a bounded piece of work in the caller's transaction and says whether there may be more.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from transport import in_hand, intervals, tracking
from transport.envelope import Priority, Reply, Stage
from transport.models import Queue, QueuedMessage, Session, TransportServer
from transport.queue import counters, poison
from transport.queue.claims import LEASE, Worker, close_session
from transport.queue.moves import Ended, lock, take_out
from transport.states import PERSISTENT, WAITING, DeliveryType, Pending, QueuedState

EXPIRED = Reply(
    code=550, enhanced="4.4.7", text="QUEUE.Expired; message expired", stage=Stage.QUEUE, remote=False
)
REMOVED = Reply(
    code=550,
    enhanced="4.3.2",
    text="QUEUE.Admin; message deleted by administrative action",
    stage=Stage.QUEUE,
    remote=False,
)
BATCH = 200
CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two servers may be apart."""


def suspect_sessions(server: TransportServer, *, worker: Worker, now: datetime) -> QuerySet[Session]:
    """Sessions that may have lost their process: of this server, and of those that stopped beating."""
    lapsed = Q(lease_until__lt=now)
    own = Q(queue__server=server) & (lapsed | ~Q(worker=worker.name))
    return Session.objects.filter(own | (lapsed & Q(queue__server__taken_over=True)))


def expire_leases(server: TransportServer, *, worker: Worker, now: datetime) -> list[int]:
    """Close the sessions that nobody runs any more; returns queued ids whose removal was asked for."""
    gone = [
        session
        for session in suspect_sessions(server, worker=worker, now=now)
        if session.lease_until < now or _is_dead(session, worker=worker)
    ]
    lock((), session_ids=[session.pk for session in gone])
    error = "451 4.4.2 The worker that was sending this message ended; a second copy may arrive"
    broken = _in_dead_hands([session for session in gone if _is_dead(session, worker=worker)])
    asked = [queued for session in gone for queued in close_session(session.pk, error=error)]
    poison.blame(broken, now=now)
    return asked


def _in_dead_hands(sessions: Sequence[Session]) -> list[int]:
    """The messages that these sessions held and their processes worked at when they died."""
    folder = settings.IN_HAND_DIR
    last = {in_hand.left_by(folder, worker=worker) for worker in {session.worker for session in sessions}}
    held = QueuedMessage.objects.filter(session_id__in=[session.pk for session in sessions], pk__in=last)
    return list(held.values_list("pk", flat=True))


def forget_dead_hands(_server: TransportServer, *, now: datetime) -> int:
    """Remove what dead processes left about the message in their hand, once their sessions are closed."""
    del now
    in_hand.clear(settings.IN_HAND_DIR, keep=set(Session.objects.values_list("worker", flat=True).distinct()))
    return 0


def _is_dead(session: Session, *, worker: Worker) -> bool:
    """A process id that no longer exists on this very machine needs no waiting for its lease."""
    if session.host_name != worker.host_name:
        return False
    if session.process_id == worker.process_id:
        # In a container every run has the same number: this process is another one than that of the session.
        return session.worker != worker.name
    try:
        os.kill(session.process_id, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def late_messages(server: TransportServer, *, now: datetime) -> list[int]:
    """A batch of messages that waited too long. Suspended ones are left alone."""
    # No join: without statistics SQLite would begin with the queues, and read all that waits in them.
    here = Queue.objects.filter(pk=OuterRef("queue"), server=server, suspended=False)
    late = QueuedMessage.objects.filter(Exists(here), state__in=WAITING, expires_at__lte=now)
    return list(late.order_by("expires_at").values_list("pk", flat=True)[:BATCH])


def expire_messages(ids: Sequence[int], *, now: datetime) -> list[Ended]:
    """End messages whose time is over (MessageExpirationTimeout)."""
    lock(ids)
    late = QueuedMessage.objects.filter(pk__in=ids, state__in=WAITING, expires_at__lte=now)
    ended: list[Ended] = []
    for queued in late.select_related("queue").order_by("expires_at"):
        ended += take_out([queued], reply=_expiry(queued), report=True, now=now)
    return ended


def _expiry(queued: QueuedMessage) -> Reply:
    """The expiry, with the last thing that was heard before it."""
    last = queued.last_error or queued.queue.last_error
    if not last:
        return EXPIRED
    return Reply(
        code=EXPIRED.code,
        enhanced=EXPIRED.enhanced,
        text=f"{EXPIRED.text} -> {last}"[:512],
        stage=Stage.QUEUE,
        remote=False,
    )


def next_removals(server: TransportServer) -> Iterator[tuple[Queue, list[int]]]:
    """Queues that administrators asked to remove everything from, each with its next batch of messages."""
    for queue in Queue.objects.filter(server=server).exclude(removal=Pending.NOTHING):
        asked = QueuedMessage.objects.filter(queue=queue, pk__lte=queue.removal_until)
        waiting = asked.exclude(state=QueuedState.ACTIVE).order_by("pk")
        batch = list(waiting.values_list("pk", flat=True)[:BATCH])
        if batch:
            yield queue, batch
        else:
            _finish_removal(queue)


def remove(ids: Sequence[int], *, queue: Queue, now: datetime) -> list[Ended]:
    """Remove messages as it was asked for their queue."""
    report = queue.removal == Pending.REMOVE_WITH_NDR
    chosen = QueuedMessage.objects.filter(pk__in=ids, queue=queue)
    return take_out(chosen, reply=REMOVED, report=report, now=now, by=tracking.Source.ADMIN)


def _finish_removal(queue: Queue) -> None:
    """What a session still holds is removed when that session lets go of it."""
    held = QueuedMessage.objects.filter(queue=queue, pk__lte=queue.removal_until, state=QueuedState.ACTIVE)
    with transaction.atomic():
        lock(list(held.values_list("pk", flat=True)))
        held.update(pending=queue.removal)
        Queue.objects.filter(pk=queue.pk, removal=queue.removal).update(removal="", removal_until=0)


def take_out_pending(queued_ids: Sequence[int], *, now: datetime) -> list[Ended]:
    """Remove the messages whose removal was asked for while they were being sent."""
    ended: list[Ended] = []
    if not queued_ids:
        return ended
    for pending in (Pending.REMOVE_WITH_NDR, Pending.REMOVE):
        asked = QueuedMessage.objects.filter(pk__in=queued_ids, pending=pending)
        report = pending == Pending.REMOVE_WITH_NDR
        ended += take_out(asked, reply=REMOVED, report=report, now=now, by=tracking.Source.ADMIN)
    return ended


def stale_routes(server_ids: Sequence[int], *, generation: int) -> QuerySet[QueuedMessage]:
    """Messages of these servers that were routed under an older configuration.

    A suspended submission or unreachable queue keeps its mail (exchange.md 4.4).
    """
    frozen = Q(suspended=True, delivery_type__in=PERSISTENT)
    stale = QueuedMessage.objects.filter(queue=OuterRef("pk"), routed_generation__lt=generation).exclude(
        state=QueuedState.ACTIVE
    )
    queues = Queue.objects.filter(Exists(stale), server__in=server_ids).exclude(frozen)
    ids = list(queues.values_list("pk", flat=True)[:50])
    return (
        QueuedMessage.objects.filter(queue__in=ids, routed_generation__lt=generation)
        .exclude(state=QueuedState.ACTIVE)
        .order_by("pk")
    )


def shorten_leases(server: TransportServer, *, now: datetime) -> int:
    """Let no lease last longer than its length: the clock was set back. Returns how many there were."""
    leased = Session.objects.filter(queue__server=server, lease_until__gt=now + CLOCK_SKEW + LEASE)
    return leased.update(lease_until=now + LEASE)


def remove_idle_queues(server: TransportServer, *, now: datetime) -> int:
    """Delete delivery queues that have been empty for a while (QueueMaxIdleTime)."""
    held = QueuedMessage.objects.filter(queue=OuterRef("pk"))
    idle_since = now - intervals.schedule_of(server.pk).queue_max_idle_time
    empty = Queue.objects.filter(~Exists(held), server=server, emptied_at__lt=idle_since, suspended=False)
    idle = empty.exclude(delivery_type=DeliveryType.SUBMISSION)
    # Locked first: a queue into which mail comes at this moment stays.
    skips = connection.features.has_select_for_update_skip_locked
    ids = list(idle.select_for_update(of=("self",), skip_locked=skips).values_list("pk", flat=True))
    return Queue.objects.filter(pk__in=ids).delete()[0]


def forget_worked_off_backlogs(server: TransportServer, *, now: datetime) -> int:
    """Let queues claim in one stretch again once what had gathered in them is sent; returns how many."""
    gathered = QueuedMessage.objects.filter(
        queue=OuterRef("pk"),
        state=QueuedState.READY,
        priority__in=tuple(Priority),
        next_attempt_at__lte=OuterRef("backlog_until"),
    )
    worked_off = Queue.objects.filter(~Exists(gathered), server=server, backlog_until__lt=now)
    ids = list(worked_off.values_list("pk", flat=True))
    counters.lock(ids)
    return Queue.objects.filter(pk__in=ids).update(backlog_until=None) if ids else 0
