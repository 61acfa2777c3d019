"""The listening sockets: who may connect, for how long, and how it ends."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from transport.receiving import replies
from transport.receiving.connection import Accept, Connection
from transport.receiving.site import Site

_BACKLOG = 1024
Place = tuple[str, int]
"""A local address and port."""
Choose = Callable[[Place, str], Site]
"""Gives the site for a client (its address) on the local address that it reached."""


class Listener:
    """SMTP on any number of addresses, in the running event loop.

    `choose` is asked for each connection, which keeps its site to its end. `accept` gets each envelope and
    resolves once it is on disk to the text behind `250 2.6.0`, such as
    `<id> [InternalId=42, Hostname=...] Queued mail for delivery`; when it raises `Refused` the client gets
    that reply, for any other exception `451 4.3.0`. It may return a future or be a coroutine function.
    """

    def __init__(
        self, *, choose: Choose, accept: Accept, check_interval: timedelta = timedelta(seconds=1)
    ) -> None:
        self.site = choose
        self.accept = accept
        self._check_interval_s = check_interval.total_seconds()
        self._servers: dict[Place, asyncio.Server] = {}
        self._connections: set[Connection] = set()
        self._next_check: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._stopping = False

    @property
    def connection_count(self) -> int:
        """Return how many clients are connected."""
        return len(self._connections)

    async def open(self, host: str, port: int, *, implicit_tls: bool = False) -> int:
        """Listen on one more address; returns the port, which is a free one for port 0.

        Raises OSError when the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self, implicit_tls=implicit_tls), host, port, backlog=_BACKLOG
        )
        self._servers[host, port] = server
        if self._next_check is None:
            self._schedule_check(loop)
        return int(server.sockets[0].getsockname()[1])

    def close(self, host: str, port: int) -> None:
        """Listen no more on an address; the sessions that came through it go on."""
        server = self._servers.pop((host, port), None)
        if server is not None:
            server.close()

    async def stop(self, *, grace: timedelta = timedelta(seconds=10)) -> None:
        """Take no more clients, say 421 to idle ones, finish messages under way.

        After `grace` the remaining connections are cut.
        """
        self._stopping = True
        for place in tuple(self._servers):
            self.close(*place)
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
        site = connection.site
        self._connections.add(connection)
        site.crowd.enter(connection.address)
        if self._stopping:
            return replies.SHUTTING_DOWN
        if site.crowd.exceeds(site.limits, connection.address):
            return replies.TOO_MANY_CONNECTIONS
        return site.closed

    def leave(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        connection.site.crowd.leave(connection.address)
        if not self._connections:
            self._empty.set()

    async def _wait_until_empty(self) -> None:
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    def _schedule_check(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next_check = loop.call_later(self._check_interval_s, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        """One sweep over all connections instead of a timer for each of their commands."""
        self._schedule_check(loop)
        now = loop.time()
        for connection in tuple(self._connections):
            connection.check(now)
