"""Which queues lead to the same hosts: the domains that one provider hosts share its limits.

Queues are told apart by domain; that two domains have the same MX hosts is known when they were looked up.
"""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable

REMEMBERED = 10_000
"""Queues; the ones looked up longest ago are forgotten first."""


class CommonHosts:
    """Shared by all sessions of a process."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[int, frozenset[str]] = OrderedDict()
        self._queues: dict[frozenset[str], set[int]] = defaultdict(set)
        self._lock = threading.Lock()

    def learn(self, queue_id: int, hosts: Iterable[str]) -> bool:
        """Remember where a queue leads; True when that was not known."""
        found = frozenset(hosts)
        with self._lock:
            known = self._hosts.pop(queue_id, None)
            if known is not None and known != found:
                self._leave(queue_id, known)
            self._hosts[queue_id] = found
            self._queues[found].add(queue_id)
            while len(self._hosts) > REMEMBERED:
                self._leave(*self._hosts.popitem(last=False))
        return known != found

    def _leave(self, queue_id: int, hosts: frozenset[str]) -> None:
        self._queues[hosts].discard(queue_id)
        if not self._queues[hosts]:
            del self._queues[hosts]

    def of(self, queue_id: int) -> frozenset[str] | int:
        """Give what the queue has in common with others; its own number while nothing is known."""
        return self._hosts.get(queue_id, queue_id)

    def together(self, queue_id: int) -> tuple[int, ...]:
        """Give the queues that lead to the same hosts, this one among them."""
        with self._lock:
            hosts = self._hosts.get(queue_id)
            return (queue_id,) if hosts is None else tuple(self._queues[hosts])
