"""The doorbell: tells the worker of a server that a queue has mail.

Losing a ring costs one dispatch interval.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Mapping
from datetime import timedelta

from celery import current_app
from kombu.exceptions import OperationalError as BrokerGone

logger = logging.getLogger(__name__)
DELIVER = "transport.deliver"
"""The task that opens one session for one queue id."""
STALE_AFTER = timedelta(seconds=10)
"""A ring that nobody heard for so long is worthless: the dispatcher has rung again."""
SPACING = timedelta(milliseconds=20)
"""Rings for one queue closer together than this become one."""


def celery_queue(server_name: str) -> str:
    """The Celery queue that the worker of this server listens to."""
    return f"server.{server_name}"


def ring(server_name: str, queue_id: int) -> None:
    """Ask that server's worker for a session to this queue. Raises nothing: the table is the truth."""
    with contextlib.suppress(BrokerGone, OSError):
        current_app.send_task(
            DELIVER,
            args=[queue_id],
            queue=celery_queue(server_name),
            expires=STALE_AFTER.total_seconds(),
            retry=False,
            ignore_result=True,
        )


class Bell:
    """Rings from a thread of its own, so that a slow or dead Redis never holds up accepting mail."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="bell", daemon=True).start()

    def ring(self, server_name: str, queue_id: int, *, sessions: int = 1) -> None:
        """Hand in a ring for so many sessions; returns at once."""
        self._wanted.put((server_name, queue_id, sessions))

    def _run(self) -> None:
        while True:
            for (server_name, queue_id), sessions in self._next_rings().items():
                for _ in range(sessions):
                    ring(server_name, queue_id)
            time.sleep(SPACING.total_seconds())

    def _next_rings(self) -> Mapping[tuple[str, int], int]:
        """Wait for a ring, and take all that came with it: of several for one queue the largest counts."""
        wanted: dict[tuple[str, int], int] = {}
        rung = self._wanted.get()
        with contextlib.suppress(queue.Empty):
            while True:
                server_name, queue_id, sessions = rung
                wanted[server_name, queue_id] = max(sessions, wanted.get((server_name, queue_id), 0))
                rung = self._wanted.get_nowait()
        return wanted


@functools.cache
def own() -> Bell:
    """The bell of this process, made at the first ring: a thread does not survive a fork."""
    return Bell()
