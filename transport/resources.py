"""Looks at the resources of this server every two seconds, and remembers when one comes under pressure."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Max, Sum
from django.utils import timezone

from transport import back_pressure, intervals
from transport.back_pressure import Level, Pressure, Reading, Resource, Thresholds, Watch
from transport.latency import Latency
from transport.models import Queue, ResourcePressure, TransportServer

logger = logging.getLogger(__name__)
STOPS_WITHIN = timedelta(seconds=2)
POLL_INTERVAL = timedelta(seconds=2)
PATIENCE = {Resource.COMMIT: 3}
"""A single slow commit is no trouble yet: so many looks in a row."""


class Sampler:
    """A thread of the listener's process; while it cannot ask the database, the last levels hold."""

    def __init__(
        self,
        server: TransportServer,
        *,
        pressure: Pressure,
        latency: Latency,
        memory_used: Callable[[], float],
    ) -> None:
        """`memory_used` gives percent; `pressure` is what the doors ask."""
        self._server_id = server.pk
        self._pressure = pressure
        self._latency = latency
        self._memory_used = memory_used
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="back-pressure", daemon=True)
        self._watches = {one: Watch(patience=PATIENCE.get(one, 1)) for one in Resource}
        self._known: dict[Resource, tuple[Level, Thresholds]] = {}
        self._unwritten: dict[Resource, tuple[Reading, Level, datetime]] = {}
        self._complained = False

    def start(self) -> None:
        """Take the first look now, then one every two seconds."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(STOPS_WITHIN.total_seconds())

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look(now=timezone.now())
            except Exception:
                # The doors would stay as they are for ever.
                logger.exception("back_pressure_look_failed")
                connection.close()
            self._stopping.wait(POLL_INTERVAL.total_seconds())
        connection.close()

    def look(self, *, now: datetime) -> None:
        """Read every resource; the doors hear of a new level before the database does."""
        try:
            for reading in self._readings():
                self._judge(reading, now=now)
            self._write()
            self._complained = False
        except (DatabaseError, InterfaceError, OSError) as error:
            if not self._complained:
                logger.warning("back_pressure_unknown", extra={"error": str(error)})
            self._complained = True
            connection.close()

    def _readings(self) -> Iterator[Reading]:
        """The database comes last: it may be what hangs."""
        yield disk(storage_directory())
        yield Reading(resource=Resource.MEMORY, value=self._memory_used(), thresholds=back_pressure.MEMORY)
        yield Reading(
            resource=Resource.COMMIT,
            value=max(self._latency.take(), self._probe()).total_seconds(),
            thresholds=back_pressure.COMMIT,
        )
        yield backlog(self._server_id)

    def _probe(self) -> timedelta:
        """Commit something where nobody else does any more: else the end of the trouble is not seen."""
        if self._watches[Resource.COMMIT].level is Level.NORMAL:
            return timedelta(0)
        started = time.monotonic()
        rows = ResourcePressure.objects.filter(server=self._server_id, resource=Resource.COMMIT)
        rows.update(level=self._watches[Resource.COMMIT].level)
        return timedelta(seconds=time.monotonic() - started)

    def _judge(self, reading: Reading, *, now: datetime) -> None:
        watch = self._watches[reading.resource]
        before, level = watch.level, watch.judge(reading)
        self._pressure.level = max(one.level for one in self._watches.values())
        if level is not before:
            _log(reading, level=level, rose=level > before)
        state = (level, reading.thresholds)
        if self._known.get(reading.resource) != state:
            self._known[reading.resource] = state
            self._unwritten[reading.resource] = (reading, level, now)

    def _write(self) -> None:
        """A database that is away hears of it when it is back."""
        for resource, (reading, level, since) in list(self._unwritten.items()):
            _write(reading, level=level, server_id=self._server_id, now=since)
            del self._unwritten[resource]


def storage_directory() -> Path:
    """Where the database lies; beside a database server what we keep ourselves."""
    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).parent
    return Path(settings.DATA_DIR)


def disk(directory: Path) -> Reading:
    """How full the file system of a directory is for this user."""
    found = os.statvfs(directory)
    size_bytes = max(1, found.f_blocks * found.f_frsize)
    return Reading(
        resource=Resource.DISK,
        value=100 * (1 - found.f_bavail * found.f_frsize / size_bytes),
        thresholds=back_pressure.disk_thresholds(size_bytes),
    )


def backlog(server_id: int) -> Reading:
    """How many messages wait on a server."""
    most = intervals.ceilings_of(server_id).max_queued_messages
    waiting = Queue.objects.filter(server=server_id).aggregate(waiting=Sum("message_count"))["waiting"] or 0
    return Reading(resource=Resource.QUEUES, value=waiting, thresholds=back_pressure.queue_thresholds(most))


def current_level(server_id: int) -> Level:
    """The level of a server as other processes than its listener know it."""
    rows = ResourcePressure.objects.filter(server=server_id)
    return Level(rows.aggregate(most=Max("level"))["most"] or Level.NORMAL)


def is_out_of_room(error: BaseException) -> bool:
    """Whether the database failed because the disk is full, or it ran out of something else of its own."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    # PostgreSQL's class "insufficient resources"; the attribute is psycopg's.
    return str(getattr(cause, "sqlstate", None)).startswith("53")


def _write(reading: Reading, *, level: Level, server_id: int, now: datetime) -> None:
    """Keep a level; one that is not new stays as old as it is."""
    at = reading.thresholds
    facts = {"value": reading.value, "normal": at.normal, "medium": at.medium, "high": at.high}
    row, made = ResourcePressure.objects.get_or_create(
        server_id=server_id, resource=reading.resource, defaults={**facts, "level": level, "since": now}
    )
    if not made:
        since = row.since if row.level == level else now
        ResourcePressure.objects.filter(pk=row.pk).update(**facts, level=level, since=since)


def _log(reading: Reading, *, level: Level, rose: bool) -> None:
    """Events 15004 and 15005 of Exchange."""
    logger.log(
        logging.WARNING if rose else logging.INFO,
        "back_pressure_rose" if rose else "back_pressure_fell",
        extra={
            "resource": reading.resource.value,
            "pressure": level.name.title(),
            "value": round(reading.value, 2),
            "normal": reading.thresholds.normal,
            "medium": reading.thresholds.medium,
            "high": reading.thresholds.high,
        },
    )
