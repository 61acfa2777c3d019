"""Sessions that have sent their mail keep the connection for a moment: mail that comes meanwhile takes it."""

import threading
from collections import defaultdict, deque
from datetime import timedelta

LINGER = timedelta(seconds=2)
"""How long; a host that hears nothing for so long gets QUIT."""


class Idling:
    """The idle sessions of one worker process, by queue."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[threading.Event]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait(self, queue_id: int, *, seconds: float) -> bool:
        """Wait for mail; False when none came in time."""
        event = threading.Event()
        with self._lock:
            self._waiting[queue_id].append(event)
        if event.wait(seconds):
            return True
        with self._lock:
            return self._leave(queue_id, event)

    def _leave(self, queue_id: int, event: threading.Event) -> bool:
        """Forget a session that waited in vain; True when it was woken at the last moment."""
        waiting = self._waiting[queue_id]
        if event not in waiting:
            return True
        waiting.remove(event)
        self._forget_if_empty(queue_id)
        return False

    def wake(self, queue_id: int) -> bool:
        """Tell one idle session of this queue that there is mail; False when there is none."""
        with self._lock:
            waiting = self._waiting.get(queue_id)
            if not waiting:
                return False
            # The one that has just become idle: the others may then be closed.
            waiting.pop().set()
            self._forget_if_empty(queue_id)
            return True

    def _forget_if_empty(self, queue_id: int) -> None:
        if not self._waiting[queue_id]:
            del self._waiting[queue_id]
