"""One session and its throttles: whether it may dial, when it may send the next message, for whom it ends."""

import time
from collections.abc import Sequence

from transport.engine import Engine
from transport.envelope import Host
from transport.queue.claims import Opened


class Crowded(Exception):  # noqa: N818 - says how it is there
    """The hosts have as many of our connections as they may have."""


class Turn:
    """Of one session."""

    def __init__(self, opened: Opened, *, engine: Engine) -> None:
        self._engine = engine
        self._session_id = opened.session_id
        self._queue_id = opened.queue_id
        self._connector_id = opened.connector_id
        self._throttles = engine.throttles
        self._taken = False
        """The next message may go, its place in the pace of the connector is taken."""
        self._successor: int | None = None
        self.is_over = False
        """The next turn is too far away to wait for it here: what the session holds goes back."""

    def make_room(self, hosts: Sequence[Host]) -> None:
        """Dial nobody when other queues turn out to have as many sessions to these hosts as there may be.

        Raises `Crowded`. Once it is known where a queue leads, the ledger opens no such session.
        """
        if self._throttles.hosts.learn(self._queue_id, (f"{host.name}:{host.port}" for host in hosts)):
            most, together = self._throttles.connections_to(
                self._queue_id, connector_id=self._connector_id, limits=self._engine.limits()
            )
            if self._engine.attendance.sessions(together) > most:
                raise Crowded

    def has_come(self) -> bool:
        """Whether the next message may go this very moment, without waiting."""
        if not self._taken:
            self._taken = self._wait_s(now_or_never=True) is not None
        return self._taken

    def come(self) -> bool:
        """Wait until the next message may go; False when that takes too long to keep a host waiting."""
        if not self._taken:
            wait_s = self._wait_s()
            self.is_over = wait_s is None
            if wait_s:
                time.sleep(wait_s)
        self._taken = False
        return not self.is_over

    def _wait_s(self, *, now_or_never: bool = False) -> float | None:
        return self._throttles.take_turn(
            self._session_id, connector_id=self._connector_id, now_or_never=now_or_never
        )

    def makes_way(self) -> bool:
        """Whether the session ends with what it holds, so that a queue without one gets its place."""
        if self._successor is None:
            self._successor = self._throttles.successor(self._queue_id, connector_id=self._connector_id)
        return self._successor is not None

    def end(self) -> int | None:
        """The session is closed; returns the queue that gets its place."""
        self._throttles.leave(self._session_id, connector_id=self._connector_id)
        return self._successor
