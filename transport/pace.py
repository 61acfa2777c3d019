"""Messages per second of one send connector: who may send the next one, and when.

Evenly spaced, without bursts: what a provider counts in any second is the rate, and never a saved-up rest.
"""

import math
import threading
import time
from collections.abc import Callable

PATIENCE_S = 2.0
"""So long a session keeps an open connection for its turn; a host may hang up on who is silent for longer."""


class Pace:
    """The turns of one connector in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = -math.inf
        """When the next message may go."""
        self._line: dict[int, float] = {}
        """Sessions that connect, and since when."""
        self._lock = threading.Lock()

    def stand(self, session_id: int) -> None:
        """Join the line: a session begins, and will want a turn as soon as it is connected.

        One that takes long to connect does not count for ever: hosts that crawl must not fill the line.
        """
        now = self._clock()
        with self._lock:
            self._line = {one: since for one, since in self._line.items() if now - since <= PATIENCE_S}
            self._line[session_id] = now

    def step_out(self, session_id: int) -> None:
        """Leave the line."""
        with self._lock:
            self._line.pop(session_id, None)

    def room(self, *, per_second: float) -> int:
        """How many more may join: no more than get their turn while they can be expected to wait."""
        now = self._clock()
        with self._lock:
            ahead_s = max(0.0, self._next - now)
            standing = sum(now - since <= PATIENCE_S for since in self._line.values())
        if ahead_s > PATIENCE_S:
            return 0
        return max(0, max(1, int(per_second * PATIENCE_S)) - standing - round(ahead_s * per_second))

    def take(self, session_id: int, *, per_second: float, patience_s: float = PATIENCE_S) -> float | None:
        """Take the next turn: seconds until it comes. None when that is too far away: then none is taken."""
        now = self._clock()
        with self._lock:
            turn = max(now, self._next)
            if turn - now > patience_s:
                return None
            self._next = turn + 1 / per_second
            self._line.pop(session_id, None)
        return turn - now
