"""The doorbell: tells the worker of a server that a queue has mail.

Losing a ring costs one dispatch interval.
"""

import contextlib
import functools
import logging
import math
import queue
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import islice

from celery import current_app
from kombu.exceptions import OperationalError as BrokerGone

logger = logging.getLogger(__name__)
ANSWER = "transport.answer"
"""The task that sees to the mail of several queues."""
DELIVER = "transport.deliver"
"""The task that opens one session for one queue id."""
PRIORITIES = {ANSWER: 0, DELIVER: 9}
"""Mail that has just come does not wait behind the sessions that are called for older mail; 0 comes first."""
STALE_AFTER = timedelta(seconds=10)
"""A ring that nobody heard for so long is worthless: the dispatcher has rung again."""
SPACING = timedelta(milliseconds=20)
"""Rings closer together than this go out together, those for one queue as one."""
REST = timedelta(milliseconds=150)
"""How long a queue that was rung for is not rung for again: its sessions look for mail themselves."""
REST_S = REST.total_seconds()
REMEMBERED = 10_000
"""Queues that were rung for lately."""
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
            priority=PRIORITIES[task],
            expires=STALE_AFTER.total_seconds(),
            retry=False,
            ignore_result=True,
        )


class _Rings:
    """What gathered for the servers until the next round."""

    def __init__(self) -> None:
        self._mail: dict[tuple[str, int], None] = {}
        self._sessions: dict[tuple[str, int], int] = {}
        self._rung_at: OrderedDict[tuple[str, int], float] = OrderedDict()

    @property
    def waiting(self) -> bool:
        """Whether a ring is held back."""
        return bool(self._mail)

    def add(self, server_name: str, queue_id: int, sessions: int) -> None:
        """Of several rings for one queue the largest counts."""
        key = (server_name, queue_id)
        if not sessions:
            self._mail[key] = None
        else:
            self._sessions[key] = max(sessions, self._sessions.get(key, 0))

    def send(self) -> None:
        """One task for the mail of many queues, one for each session."""
        for server_name, queue_ids in self._due(now=time.monotonic()).items():
            waiting = iter(queue_ids)
            while some := list(islice(waiting, QUEUES_PER_RING)):
                _send(ANSWER, server_name, some)
        sessions, self._sessions = self._sessions, {}
        for (server_name, queue_id), wanted in sessions.items():
            for _ in range(wanted):
                _send(DELIVER, server_name, queue_id)

    def _due(self, *, now: float) -> Mapping[str, list[int]]:
        """Take the queues that may be rung for now, by server."""
        found: dict[str, list[int]] = defaultdict(list)
        for key in [key for key in self._mail if now - self._rung_at.get(key, -math.inf) >= REST_S]:
            del self._mail[key]
            self._rung_at[key] = now
            self._rung_at.move_to_end(key)
            found[key[0]].append(key[1])
        while len(self._rung_at) > REMEMBERED:
            self._rung_at.popitem(last=False)
        return found


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
        rings = _Rings()
        while True:
            with contextlib.suppress(queue.Empty):
                rings.add(*self._wanted.get(timeout=SPACING.total_seconds() if rings.waiting else None))
                while True:
                    rings.add(*self._wanted.get_nowait())
            rings.send()
            time.sleep(SPACING.total_seconds())


def ring(places: Iterable[tuple[str, int]]) -> None:
    """Say that there is mail in these queues, each a server's name and a queue's id; returns at once."""
    for server_name, queue_id in places:
        own().ring(server_name, queue_id)


@functools.cache
def own() -> Bell:
    """The bell of this process, made at the first ring: a thread does not survive a fork."""
    return Bell()
