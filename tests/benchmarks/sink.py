"""A receiving server that counts: every recipient is unique, so lost and doubled ones are told apart."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Collection

EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "SIZE 52428800")


class Sink:
    """Takes everything on one port of loopback; `rtt_s` makes it a host that is far away."""

    def __init__(self, *, expected: int, rtt_s: float = 0.0, hold_s: float = 0.0) -> None:
        self.expected = expected
        self.one_way_s = rtt_s / 2
        self.hold_s = hold_s
        """How long the answer to each final dot is held back: a host that crawls."""
        self.arrived: dict[bytes, float] = {}
        """When each recipient came first, by the monotonic clock."""
        self.doubled = 0
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        """Connections by local address."""
        self.last = time.monotonic()
        self._complete = asyncio.Event()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start to listen."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Session(self), host, port, backlog=2000)

    def take(self, recipients: list[bytes]) -> None:
        """Count what one message brought."""
        self.last = now = time.monotonic()
        for recipient in recipients:
            self.doubled += recipient in self.arrived
            self.arrived.setdefault(recipient, now)
        if len(self.arrived) >= self.expected:
            self._complete.set()

    async def wait(self, *, idle_s: float) -> None:
        """Wait until all came, or nothing came for so long."""
        while not self._complete.is_set() and time.monotonic() - self.last < idle_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._complete.wait(), 0.2)

    async def wait_for(self, recipients: Collection[bytes], *, most_s: float) -> None:
        """Wait until these came, or the time is over."""
        ends = time.monotonic() + most_s
        while not self.arrived.keys() >= set(recipients) and time.monotonic() < ends:  # noqa: ASYNC110 - rarely
            await asyncio.sleep(0.05)

    async def wait_for_first(self) -> None:
        """Wait until something came."""
        while not self.arrived:  # noqa: ASYNC110 - once
            await asyncio.sleep(0.05)


class _Session(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._recipients: list[bytes] = []
        self._in_content = False
        self._searched_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._here = str(transport.get_extra_info("sockname")[0])
        self._sink.open[self._here] += 1
        self._sink.most_open[self._here] = max(self._sink.most_open[self._here], self._sink.open[self._here])
        # A far host costs one round trip for the connection itself, before its banner.
        self._say(b"220 sink.test ESMTP\r\n", after_s=2 * self._sink.one_way_s)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._sink.open[self._here] -= 1

    def data_received(self, data: bytes) -> None:
        if self._sink.one_way_s:
            self._loop.call_later(self._sink.one_way_s, self._work, data)
        else:
            self._work(data)

    def _work(self, data: bytes) -> None:
        self._buffer += data
        while self._take_content() if self._in_content else self._take_line():
            pass

    def _take_content(self) -> bool:
        end = self._buffer.find(b"\r\n.\r\n", self._searched_bytes)
        if end < 0:
            # From the start, each time, a large message would cost the machine more here than in the relay.
            self._searched_bytes = max(0, len(self._buffer) - 4)
            return False
        self._searched_bytes = 0
        del self._buffer[: end + 5]
        self._in_content = False
        self._sink.take(self._recipients)
        self._recipients = []
        self._say(b"250 2.0.0 taken\r\n", after_s=self._sink.hold_s)
        return True

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).rstrip().upper()
        del self._buffer[: end + 1]
        self._obey(line)
        return True

    def _obey(self, line: bytes) -> None:
        verb = line[:4]
        if verb == b"RCPT":
            self._recipients.append(line[8:].partition(b">")[0].lstrip(b"<").lower())
        elif verb == b"RSET":
            self._recipients = []
        elif verb == b"DATA":
            self._in_content = True
            self._say(b"354 go on\r\n")
            return
        elif verb == b"EHLO":
            lines = ["sink.test", *EXTENSIONS]
            text = [f"250{' ' if one == lines[-1] else '-'}{one}\r\n" for one in lines]
            self._say("".join(text).encode())
            return
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye\r\n")
            self._loop.call_later(self._sink.one_way_s + 0.001, self._transport.close)
            return
        self._say(b"250 2.0.0 ok\r\n")

    def _say(self, reply: bytes, *, after_s: float = 0.0) -> None:
        wait_s = self._sink.one_way_s + after_s
        if wait_s:
            self._loop.call_later(wait_s, self._write, reply)
        else:
            self._transport.write(reply)

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)
