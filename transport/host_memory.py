"""What the sessions of a process remember of hosts: who has just failed, who needs one command at a time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

AVOIDED_FOR = timedelta(minutes=1)
"""So long a host that failed is tried after the others."""
REMEMBERED = 10_000
"""Hosts; the ones known longest are forgotten first."""
Target = TypeVar("Target")


class HostMemory:
    """Shared by all sessions; hosts are named by `address:port`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, float] = OrderedDict()
        self._out_of_step: OrderedDict[str, None] = OrderedDict()

    def order(self, targets: Iterable[Target], *, name: Callable[[Target], str]) -> Iterator[Target]:
        """Yield the targets in their order, those that failed lately at the end."""
        avoided: list[Target] = []
        for target in targets:
            if self._is_avoided(name(target)):
                avoided.append(target)
            else:
                yield target
        yield from avoided

    def _is_avoided(self, host: str) -> bool:
        failed_at = self._failed.get(host)
        return failed_at is not None and self._clock() - failed_at < AVOIDED_FOR.total_seconds()

    def note_failure(self, host: str) -> None:
        """No session came about."""
        self._failed[host] = self._clock()
        self._failed.move_to_end(host)
        _bound(self._failed)

    def note_success(self, host: str) -> None:
        """A session came about."""
        self._failed.pop(host, None)

    def note_out_of_step(self, host: str) -> None:
        """It answered out of step: from now on it gets one command at a time."""
        self._out_of_step[host] = None
        _bound(self._out_of_step)

    def keeps_step(self, host: str) -> bool:
        """Whether it may be sent several commands at once."""
        return host not in self._out_of_step


def _bound(memory: "OrderedDict[str, float] | OrderedDict[str, None]") -> None:
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
