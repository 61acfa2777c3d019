"""The doorbell: tells the worker of a server that a queue has mail.

Losing a ring costs one dispatch interval.
"""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections import defaultdict
from datetime import timedelta
from itertools import islice

from celery import current_app
from kombu.exceptions import OperationalError as BrokerGone

logger = logging.getLogger(__name__)
ANSWER = "transport.answer"
"""The task that sees to the mail of several queues."""
DELIVER = "transport.deliver"
"""The task that opens one session for one queue id."""
STALE_AFTER = timedelta(seconds=10)
"""A ring that nobody heard for so long is worthless: the dispatcher has rung again."""
SPACING = timedelta(milliseconds=20)
"""Rings closer together than this go out together, those for one queue as one."""
QUEUES_PER_RING = 500


def celery_queue(server_name: str) -> str:
    """The Celery queue that the worker of this server listens to."""
    return f"server.{server_name}"


def _send(task: str, server_name: str, argument: int | list[int]) -> None:
    """Raises nothing: the table is the truth."""
    with contextlib.suppress(BrokerGone, OSError):
        current_app.send_task(
            task,
            args=[argument],
            queue=celery_queue(server_name),
            expires=STALE_AFTER.total_seconds(),
            retry=False,
            ignore_result=True,
        )


class _Rings:
    """What gathered for the servers until the next round."""

    def __init__(self) -> None:
        self.mail: dict[str, dict[int, None]] = defaultdict(dict)
        self.sessions: dict[tuple[str, int], int] = {}

    def add(self, server_name: str, queue_id: int, sessions: int) -> None:
        """Of several rings for one queue the largest counts."""
        if not sessions:
            self.mail[server_name][queue_id] = None
        else:
            key = (server_name, queue_id)
            self.sessions[key] = max(sessions, self.sessions.get(key, 0))

    def send(self) -> None:
        """One task for the mail of many queues, one for each session."""
        for server_name, queue_ids in self.mail.items():
            waiting = iter(queue_ids)
            while some := list(islice(waiting, QUEUES_PER_RING)):
                _send(ANSWER, server_name, some)
        for (server_name, queue_id), sessions in self.sessions.items():
            for _ in range(sessions):
                _send(DELIVER, server_name, queue_id)


class Bell:
    """Rings from a thread of its own, so that a slow or dead Redis never holds up accepting mail."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="bell", daemon=True).start()

    def ring(self, server_name: str, queue_id: int) -> None:
        """Say that there is mail in a queue; returns at once."""
        self._wanted.put((server_name, queue_id, 0))

    def call(self, server_name: str, queue_id: int, *, sessions: int) -> None:
        """Ask for so many sessions to a queue; returns at once."""
        self._wanted.put((server_name, queue_id, sessions))

    def _run(self) -> None:
        while True:
            rings = _Rings()
            rings.add(*self._wanted.get())
            with contextlib.suppress(queue.Empty):
                while True:
                    rings.add(*self._wanted.get_nowait())
            rings.send()
            time.sleep(SPACING.total_seconds())


@functools.cache
def own() -> Bell:
    """The bell of this process, made at the first ring: a thread does not survive a fork."""
    return Bell()
