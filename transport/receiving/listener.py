"""The listening socket: who may connect, for how long, and how it ends."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from transport.back_pressure import Pressure
from transport.receiving import replies
from transport.receiving.connection import Accept, Connection
from transport.receiving.limits import Limits
from transport.receiving.site import Memory, Site

_BACKLOG = 1024
_MOST_BETWEEN_CHECKS_S = 5.0
_CHECKS_PER_TIMEOUT = 10


class Listener:
    """SMTP on one address, in the running event loop.

    `address`: (host, port); port 0 takes a free one, see `port`. `may_relay` is asked with the client's IP
    address. `accept` gets each envelope and resolves once it is on disk to the text behind `250 2.6.0`, such
    as `<id> [InternalId=42, Hostname=...] Queued mail for delivery`; when it raises `Refused` the client gets
    that reply, for any other exception `451 4.3.0`. It may return a future or be a coroutine function.
    `pressure` decides at each MAIL whether anything is taken at all.
    """

    def __init__(  # noqa: PLR0913 - what a listener is made of, each by name
        self,
        address: tuple[str, int],
        *,
        fqdn: str,
        may_relay: Callable[[str], bool],
        accept: Accept,
        limits: Limits | None = None,
        source: str = "SMTP",
        pressure: Pressure | None = None,
    ) -> None:
        self._address = address
        self._limits = limits or Limits()
        self.accept = accept
        self.site = Site(
            fqdn=fqdn,
            may_relay=may_relay,
            memory=Memory(self._limits.max_buffered_bytes),
            limits=self._limits,
            source=source,
            pressure=pressure or Pressure(),
        )
        self._connections: set[Connection] = set()
        self._per_source: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._next_check: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._stopping = False

    @property
    def port(self) -> int:
        """Return the port that was bound."""
        if self._server is None:
            raise RuntimeError("The listener was not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connection_count(self) -> int:
        """Return how many clients are connected."""
        return len(self._connections)

    @property
    def buffered_bytes(self) -> int:
        """Return what all sessions hold, messages that wait for their commit included."""
        return self.site.memory.held_bytes

    async def start(self) -> None:
        """Bind and listen; raises OSError when the address cannot be had."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=_BACKLOG)
        self._schedule_check(loop)

    async def stop(self, *, grace: timedelta = timedelta(seconds=10)) -> None:
        """Take no more clients, say 421 to idle ones, finish messages under way.

        After `grace` the remaining connections are cut.
        """
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.retire()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                await self._wait_until_empty()
        for connection in tuple(self._connections):
            connection.abort()
        if self._next_check is not None:
            self._next_check.cancel()
        # The transports that were cut tell their connections in the next round of the loop.
        await asyncio.sleep(0)

    def admit(self, connection: Connection) -> bytes:
        """Count a new connection; return the 421 that turns it away, else nothing."""
        self._connections.add(connection)
        self._per_source[connection.address] += 1
        if self._stopping:
            return replies.SHUTTING_DOWN
        if len(self._connections) > self._limits.max_connections:
            return replies.TOO_MANY_CONNECTIONS
        if self._per_source[connection.address] > self._most_from(connection.address):
            return replies.TOO_MANY_CONNECTIONS
        return b""

    def leave(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        self._per_source[connection.address] -= 1
        if not self._per_source[connection.address]:
            del self._per_source[connection.address]
        if not self._connections:
            self._empty.set()

    def _most_from(self, address: str) -> int:
        if self.site.may_relay(address):
            return self._limits.max_connections_per_relay_source
        return self._limits.max_connections_per_source

    async def _wait_until_empty(self) -> None:
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    def _schedule_check(self, loop: asyncio.AbstractEventLoop) -> None:
        shortest_s = min(self._limits.inactivity_timeout, self._limits.session_timeout).total_seconds()
        pause_s = min(_MOST_BETWEEN_CHECKS_S, shortest_s / _CHECKS_PER_TIMEOUT)
        self._next_check = loop.call_later(pause_s, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        """One sweep over all connections instead of a timer for each of their commands."""
        self._schedule_check(loop)
        for connection in tuple(self._connections):
            connection.check(loop.time(), limits=self._limits)
