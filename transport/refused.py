"""Queues that found no room under a limit they share: who has a session makes way for who has none."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable

REMEMBERED_S = 3.0
"""The dispatcher looks every second: who still wants a session is refused again by then."""


class Refused:
    """In the order in which they were refused, by what they share."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[Hashable, dict[int, float]] = defaultdict(dict)
        self._lock = threading.Lock()

    def wait(self, queue_id: int, *, gate: Hashable) -> None:
        """Stand in line, or keep the place one has."""
        with self._lock:
            self._waiting[gate][queue_id] = self._clock()

    def next(self, gate: Hashable, *, beside: int) -> int | None:
        """Take the one that waits longest, another than `beside`; None when nobody does."""
        if not self._waiting:
            # Asked with every message.
            return None
        now = self._clock()
        with self._lock:
            waiting = self._waiting.get(gate)
            if not waiting:
                return None
            for queue_id in [one for one, since in waiting.items() if now - since > REMEMBERED_S]:
                del waiting[queue_id]
            found = next((queue_id for queue_id in waiting if queue_id != beside), None)
            if found is not None:
                del waiting[found]
            if not waiting:
                del self._waiting[gate]
            return found
