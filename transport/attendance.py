"""Which queues have a session in this worker process, and what rings for them mean.

A ring for a queue that is being looked after needs no session at once: an idle one is woken, a busy one
looks again before it goes, and the dispatcher hears of it, for the queue may deserve more of them. Sessions
that have sent their mail keep the connection for a moment: mail that comes meanwhile takes it.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

LINGER = timedelta(seconds=2)
"""How long a session waits for mail; a host that hears nothing for so long gets QUIT."""


@dataclass(slots=True)
class _Attended:
    sessions: int = 0
    rung: bool = False
    """A ring came that no session has answered yet."""
    connected: bool = False
    """One of them speaks to its host, or did."""
    idle: deque[threading.Event] = field(default_factory=deque)


class Attendance:
    """The sessions of one worker process, by queue."""

    def __init__(self) -> None:
        self._queues: dict[int, _Attended] = defaultdict(_Attended)
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        """Queues that were rung for while all their sessions, who reach their host, were busy."""
        self._any_busy = threading.Event()

    def answer(self, queue_id: int) -> bool:
        """Answer a ring; False when nobody here looks after the queue."""
        with self._lock:
            attended = self._queues.get(queue_id)
            if attended is None:
                return False
            if not _wake_one(attended):
                attended.rung = True
                self._look_at(queue_id)
            return True

    def _look_at(self, queue_id: int) -> None:
        if self._queues[queue_id].connected:
            self._busy.add(queue_id)
            self._any_busy.set()

    def busy_queues(self, *, seconds: float) -> set[int]:
        """Wait for queues that were rung for while all their sessions were busy; empty when none was."""
        self._any_busy.wait(max(0.0, seconds))
        with self._lock:
            found, self._busy = self._busy, set()
            self._any_busy.clear()
        return found

    def wake(self, queue_id: int) -> bool:
        """Call one idle session to help; False when there is none."""
        with self._lock:
            attended = self._queues.get(queue_id)
            return attended is not None and _wake_one(attended)

    def sessions(self, queue_ids: Iterable[int]) -> int:
        """How many sessions look after these queues."""
        with self._lock:
            return sum(self._queues[one].sessions for one in queue_ids if one in self._queues)

    def arrive(self, queue_id: int) -> None:
        """A session begins."""
        with self._lock:
            self._queues[queue_id].sessions += 1

    def is_connected(self, queue_id: int) -> bool:
        """Whether one of the sessions that look after the queue came through to its host."""
        attended = self._queues.get(queue_id)
        return attended is not None and attended.connected

    def note_connected(self, queue_id: int) -> None:
        """A session came through to its host: others will, too."""
        with self._lock:
            attended = self._queues[queue_id]
            if not attended.connected:
                attended.connected = True
                if attended.rung:
                    self._look_at(queue_id)

    def leave(self, queue_id: int) -> bool:
        """A session ends; True when a ring stays unanswered: somebody else must look."""
        with self._lock:
            attended = self._queues[queue_id]
            attended.sessions -= 1
            if attended.sessions:
                return False
            del self._queues[queue_id]
            return attended.rung

    def wait(self, queue_id: int, *, seconds: float) -> bool:
        """Wait for mail, as a session that has none; False when none was rung for in time."""
        event = threading.Event()
        with self._lock:
            attended = self._queues[queue_id]
            if attended.rung:
                attended.rung = False
                return True
            attended.idle.append(event)
        if event.wait(max(0.0, seconds)):
            return True
        with self._lock:
            if event not in attended.idle:
                # It was woken at the last moment.
                return True
            attended.idle.remove(event)
            return False


def _wake_one(attended: _Attended) -> bool:
    """The one that has just become idle: the others may then be closed."""
    if not attended.idle:
        return False
    attended.idle.pop().set()
    return True
