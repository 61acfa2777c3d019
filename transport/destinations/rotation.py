"""Smart hosts take turns: the first pick is random, then each is first in its turn (exchange.md 2.5)."""

import random
import threading

MAX_LISTS = 1024
"""So many smart host lists are remembered; the one longest known is forgotten first."""

_random = random.SystemRandom()


class Rotation:
    """Whose turn it is, per list of smart hosts; shared by the sessions of one process."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, ...], int] = {}
        self._lock = threading.Lock()

    def order(self, smart_hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Start the list with the smart host whose turn it is; moves the turn on."""
        if not smart_hosts:
            return ()
        turn = self._take_turn(smart_hosts)
        return smart_hosts[turn:] + smart_hosts[:turn]

    def _take_turn(self, smart_hosts: tuple[str, ...]) -> int:
        with self._lock:
            turn = self._turns.get(smart_hosts)
            if turn is None:
                turn = _random.randrange(len(smart_hosts))
                self._make_room()
            self._turns[smart_hosts] = (turn + 1) % len(smart_hosts)
            return turn

    def _make_room(self) -> None:
        while len(self._turns) >= MAX_LISTS:
            del self._turns[next(iter(self._turns))]


_of_this_process = Rotation()


def rotated(smart_hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Put the smart hosts of a connector in the order in which this session tries them."""
    return _of_this_process.order(smart_hosts)
