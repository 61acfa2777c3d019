"""Writes SQLite's log back into its database, from a thread of its own: so no commit has to.

Left to itself SQLite does it within a commit, once the log is long enough; a worker, all of whose sessions
share one thread, would stand still for it. PostgreSQL has a process for this.
"""

import logging
import threading
from datetime import timedelta

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)
INTERVAL = timedelta(milliseconds=250)
LONG_LOG_PAGES = 16_000
"""64 MB. Where somebody always writes, SQLite never begins its log anew, and it would grow without end."""
STOPS_WITHIN = timedelta(seconds=5)


class Checkpoints:
    """One thread of the listener's process; nothing to do where the database is no SQLite."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begin, as often as `INTERVAL` says."""
        if connection.vendor == "sqlite":
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOPS_WITHIN.total_seconds())

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL.total_seconds()):
            try:
                if write_back()[0] > LONG_LOG_PAGES:
                    catch_up()
            except DatabaseError:
                # A disk that is full, or a database that is locked: the next round comes.
                logger.warning("checkpoint_failed", exc_info=True)
                connection.close()
        connection.close()


def write_back() -> tuple[int, int]:
    """Write back as much as can be without making a reader or a writer wait (sqlite.org/wal.html).

    Returns the pages of the log and how many of them are written back by now.
    """
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        _, pages, written = cursor.fetchone()
    return pages, written


def catch_up() -> tuple[int, int]:
    """Write back while nobody writes, so that nothing is left and the next transaction begins the log anew.

    Not SQLite's own way to do this (RESTART): that keeps all writers waiting for as long as somebody reads.
    """
    with connection.turn():  # type: ignore[attr-defined]  # of our own backend
        return write_back()
