"""Next hops that are no good: nobody listens, nobody answers, a byte a second, a dot that gets no answer."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from tests.benchmarks.scenarios import SINK_PORT
from tests.benchmarks.sink import Sink

KINDS = ("refused", "silent", "crawling", "holding")
NEVER_S = 3600.0


def address(kind: str, number: int) -> str:
    """Each hard host has an address of its own."""
    return f"127.0.{10 + KINDS.index(kind)}.{number + 1}"


@contextlib.asynccontextmanager
async def hard_hosts(count: int) -> AsyncIterator[None]:
    """`count` of each kind."""
    holding = Sink(expected=1_000_000, hold_s=NEVER_S)
    servers = [await holding.listen(address("holding", number), SINK_PORT) for number in range(count)]
    loop = asyncio.get_running_loop()
    servers += [
        await loop.create_server(_Crawler, address("crawling", number), SINK_PORT) for number in range(count)
    ]
    deaf = [_silent(address("silent", number)) for number in range(count)]
    try:
        yield
    finally:
        for server in servers:
            server.close()
        for one in (each for pair in deaf for each in pair):
            one.close()


class _Crawler(asyncio.Protocol):
    """A banner, a byte a second."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._bytes = iter(b"220-one moment\r\n" * 100)
        self._say()

    def _say(self) -> None:
        byte = next(self._bytes, None)
        if byte is not None and not self._transport.is_closing():
            self._transport.write(bytes([byte]))
            asyncio.get_running_loop().call_later(1, self._say)


def _silent(host: str) -> tuple[socket.socket, ...]:
    """A listener that accepts nobody, with a full backlog: further connections get no answer at all."""
    listener = socket.create_server((host, SINK_PORT), backlog=0)
    waiting = []
    for _ in range(2):
        one = socket.socket()
        one.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            one.connect((host, SINK_PORT))
        waiting.append(one)
    return listener, *waiting
