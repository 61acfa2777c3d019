"""The clock of one server: every second it looks at the table and sees to what is due.

It beats, renews and takes back leases, re-routes what an older configuration placed, ends what
expired or was removed, rings for due queues, and keeps the rates. The table is the truth: whatever
ring, task or process was lost, the next look finds the mail. Between two looks it hears which queues got mail
while all their sessions were busy, and calls for as many more as they deserve.
"""

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.utils import timezone

from connectors import audit
from transport import (
    history,
    intervals,
    log_rooms,
    login_holds,
    outcomes,
    protocol_log,
    rates,
    rerouting,
    resubmission,
    retries,
    servers,
    tracking,
)
from transport.attendance import Attendance
from transport.concurrency import Limits
from transport.models import Queue, TransportServer
from transport.queue import (
    allowances,
    claims,
    counters,
    demand,
    notices,
    poison,
    resubmits,
    suspensions,
    sweeps,
    waits,
)
from transport.queue.safety_net import SafetyNet
from transport.retries import Schedule
from transport.throttles import Throttles

logger = logging.getLogger(__name__)
INTERVAL = timedelta(seconds=1)
BREATH = timedelta(milliseconds=100)
"""Between two glances at busy queues: sessions that were called for have opened by then."""
PURGE_INTERVAL = timedelta(seconds=10)
TIDY_LOGS_INTERVAL = timedelta(minutes=10)


class Dispatcher:
    """One thread of the worker process."""

    def __init__(  # noqa: PLR0913 - what it shares with the sessions of its process
        self,
        *,
        worker: claims.Worker,
        limits: Callable[[], Limits],
        ring: Callable[[int, int], None],
        open_sessions: set[int],
        stopping: threading.Event,
        throttles: Throttles | None = None,
        attendance: Attendance | None = None,
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._ring = ring
        self._open_sessions = open_sessions
        self._stopping = stopping
        self._throttles = throttles or Throttles()
        self._attendance = attendance or Attendance()
        self._rung: dict[int, int] = {}
        """Numbers the rings by queue: who was rung for longest ago comes first."""
        self._rings = itertools.count(1)
        self._sampler = rates.Sampler()
        self._safety_net = SafetyNet()
        self._retention = tracking.Retention()
        self._beaten_at = self._logs_tidied_at = self._purged_at = self._shortened_at = -math.inf
        self._schedule: Schedule | None = None

    def run(self) -> None:
        """Look once a second until the process stops."""
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self.look(now=timezone.now())
            except Exception:
                # The clock must not stop: a database that restarts is back at one of the next looks.
                logger.exception("dispatch_failed")
                connection.close()
            self.help_busy_queues(until=started + INTERVAL.total_seconds())
        connection.close()

    def help_busy_queues(self, *, until: float) -> None:
        """Until the next look: who has got mail since the last one waits no second for further sessions."""
        while not self._stopping.is_set():
            busy = self._attendance.busy_queues(seconds=until - time.monotonic())
            if not busy:
                return
            try:
                self._call(self._demands(busy, now=timezone.now()))
            except Exception:
                logger.exception("dispatch_failed")
                connection.close()
            self._stopping.wait(min(until - time.monotonic(), BREATH.total_seconds()))

    def look(self, *, now: datetime) -> None:
        """One round; every step is short and writes in a transaction of its own.

        A step that fails is logged and comes again with the next look: it keeps the others from nothing.
        """
        server = self._beat(now=now)
        intervals.refresh()
        for step in self.steps():
            try:
                step(server, now=now)
            except Exception:
                logger.exception("dispatch_step_failed")
            # Sessions share this thread with us: none waits for more than one step.
            time.sleep(0)

    def steps(self) -> tuple[Callable[..., object], ...]:
        """Give what one look does, in order; each step takes the server and `now`."""
        return (
            self._take_back_leases,
            self._obey_changed_intervals,
            waits.apply_lifetimes,
            login_holds.lift_outdated,
            suspensions.end_due,
            rerouting.reroute,
            resubmission.work_off,
            _expire,
            _remove,
            _tell_late,
            self._ring_due,
            self._tidy,
            self._safety_net.purge,
            self._retention.purge,
            self._tidy_logs,
        )

    def _beat(self, *, now: datetime) -> TransportServer:
        if time.monotonic() - self._beaten_at < servers.BEAT_INTERVAL.total_seconds():
            return servers.own()
        with transaction.atomic():
            server = servers.beat(now=now)
            claims.renew_leases(tuple(self._open_sessions), now=now)
            self._sampler.sample(server, now=now)
        self._beaten_at = time.monotonic()
        return server

    def _take_back_leases(self, server: TransportServer, *, now: datetime) -> None:
        if not sweeps.suspect_sessions(server, worker=self._worker, now=now).exists():
            return
        with transaction.atomic(), counters.last():
            # Our own may have lapsed all at once: the clock jumped, or the machine slept.
            claims.renew_leases(tuple(self._open_sessions), now=now)
            asked = sweeps.expire_leases(server, worker=self._worker, now=now)
            outcomes.report(sweeps.take_out_pending(asked, now=now), now=now)

    def _obey_changed_intervals(self, server: TransportServer, *, now: datetime) -> None:
        schedule = intervals.schedule_of(server.pk)
        if schedule != self._schedule:
            self._schedule, self._shortened_at = schedule, -math.inf
        if time.monotonic() - self._shortened_at < PURGE_INTERVAL.total_seconds():
            return
        if waits.shorten(server, now=now) < waits.BATCH:
            self._shortened_at = time.monotonic()

    def _ring_due(self, server: TransportServer, *, now: datetime) -> None:
        outcomes.learn_limits(self._throttles)
        found = self._demands(None, now=now)
        self._rung = {one.queue_id: self._rung.get(one.queue_id, 0) for one in found}
        self._call(found)
        with transaction.atomic():
            demand.write_holds(server.pk, found)

    def _demands(self, queue_ids: Collection[int] | None, *, now: datetime) -> list[demand.Demand]:
        return demand.demands(
            servers.own().pk,
            queue_ids=queue_ids,
            limits=self._limits(),
            now=now,
            throttles=self._throttles,
            rung=self._rung,
        )

    def _call(self, found: Sequence[demand.Demand]) -> None:
        for one in found:
            if one.sessions:
                self._rung[one.queue_id] = next(self._rings)
                self._ring(one.queue_id, one.sessions)

    def _tidy(self, server: TransportServer, *, now: datetime) -> None:
        if time.monotonic() - self._purged_at < PURGE_INTERVAL.total_seconds():
            return
        done = []
        for step in (
            sweeps.shorten_leases,
            resubmits.request_idle,
            sweeps.remove_idle_queues,
            sweeps.forget_dead_hands,
            sweeps.forget_worked_off_backlogs,
            allowances.purge,
            history.purge,
            suspensions.forget_ended,
        ):
            with transaction.atomic():
                done.append(step(server, now=now))
        # A full batch: there may be more, which the next look takes. Else the disk fills faster than this.
        self._purged_at = -math.inf if max(done) >= sweeps.BATCH else time.monotonic()

    def _tidy_logs(self, _server: TransportServer, *, now: datetime) -> None:
        """Retire log files, which their writers do only while they write, and old audit entries."""
        if time.monotonic() - self._logs_tidied_at < TIDY_LOGS_INTERVAL.total_seconds():
            return
        self._logs_tidied_at = time.monotonic()
        audit.forget_old(now=now)
        for direction, room in log_rooms.all_rooms():
            try:
                protocol_log.retire(direction, room, now=now)
            except OSError as error:
                fields = {"log": direction.prefix, "reason": str(error)}
                logger.warning("protocol_log_not_tidied", extra=fields)


def _expire(server: TransportServer, *, now: datetime) -> int:
    def end(ids: Sequence[int]) -> int:
        outcomes.report(sweeps.expire_messages(ids, now=now), now=now)
        return len(ids)

    return poison.one_by_one(sweeps.late_messages(server, now=now), end, now=now)


def _remove(server: TransportServer, *, now: datetime) -> None:
    def end(queue: Queue, ids: Sequence[int]) -> int:
        outcomes.report(sweeps.remove(ids, queue=queue, now=now), now=now)
        return len(ids)

    for queue, batch in sweeps.next_removals(server):
        poison.one_by_one(batch, partial(end, queue), now=now)


def _tell_late(server: TransportServer, *, now: datetime) -> None:
    """Warn the senders of a batch of messages that are late."""
    for priority, timeout in retries.delay_timeouts(intervals.schedule_of(server.pk)).items():
        late = notices.late(server, priority=priority, timeout=timeout, now=now)
        if late.exists():
            with transaction.atomic():
                outcomes.notify(notices.take_late(late), now=now)
