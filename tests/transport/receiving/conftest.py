"""A client without a socket, and a listener on loopback with a client that has one."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import uvloop

from transport.receiving.limits import Limits
from transport.receiving.listener import Listener
from transport.receiving.session import Session
from transport.receiving.site import Memory, Rights, Site

ACCEPTED = "<1@example.test> [InternalId=42, Hostname=E15MB1] Queued mail for delivery"
AT = datetime(2026, 11, 23, 16, 0, 0, 123456, tzinfo=UTC)


def make_site(*, relay=True, limits=None, **fields):
    """A connector that relays, or takes mail for accepted domains alone."""
    limits = limits or Limits()
    given = {
        "fqdn": "e15mb1.admincenter.test",
        "memory": Memory(limits.max_buffered_bytes),
        "limits": limits,
        "rights": Rights(anonymous=True, relay=relay),
        "new_token": lambda: "token",
    }
    return Site(**(given | fields))


class Peer:
    """A session whose messages are accepted at once."""

    def __init__(self, *, client_address="192.0.2.7", **fields):
        self.site = make_site(**{"now": lambda: AT} | fields)
        self.memory, self.pressure = self.site.memory, self.site.pressure
        self.session = Session(self.site, client_address=client_address)
        self.output = b""
        self.envelopes = []
        self.closed = False

    def send(self, data):
        """Return what came back for `data`."""
        before = len(self.output)
        self._follow(self.session.receive(data))
        return self.output[before:]

    def hello(self):
        self.send(b"EHLO client.example.test\r\n")
        return self

    def begin(self, recipient=b"b@example.org"):
        """Go on to the content of a message."""
        self.hello()
        assert (
            self.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient).count(b"\r\n")
            == 3
        )
        return self

    @property
    def codes(self):
        """The code and the enhanced code of each final reply line so far."""
        return [line.split(b" ")[:2] for line in self.output.splitlines() if line[3:4] == b" "]

    def _follow(self, step):
        self.output += step.send
        self.closed = self.closed or step.close
        while step.envelope is not None:
            self.envelopes.append(step.envelope)
            step = self.session.answer(f"250 2.6.0 {ACCEPTED}\r\n".encode())
            self.output += step.send
            self.closed = self.closed or step.close


@dataclass
class Served:
    """A started listener and what it accepted."""

    site: Site
    listener: Listener = None
    port: int = 0
    envelopes: list = field(default_factory=list)

    async def dial(self, **options):
        """Connect and read the greeting."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, **options))
        client.greeting = await client.reply()
        return client

    @property
    def buffered_bytes(self):
        return self.site.memory.held_bytes

    async def until(self, condition):
        """Let the loop run until something is so."""
        while not condition():  # noqa: ASYNC110 - the condition is the listener's, which sets no event
            await asyncio.sleep(0.001)


class Client:
    """The other end, speaking bytes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.greeting = b""

    async def reply(self):
        """Read one reply; empty when the server closed."""
        lines = b""
        while line := await asyncio.wait_for(self.reader.readline(), 20):
            lines += line
            if line[3:4] != b"-":
                break
        return lines

    async def ask(self, data):
        self.writer.write(data)
        return await self.reply()

    async def begin(self):
        """Go on to the content of a message."""
        await self.ask(b"EHLO client.example.test\r\n")
        await self.ask(b"MAIL FROM:<a@example.com>\r\n")
        await self.ask(b"RCPT TO:<b@example.org>\r\n")
        assert (await self.ask(b"DATA\r\n")).startswith(b"354 ")

    async def rest(self):
        """Read to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), 20)

    async def close(self):
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@pytest.fixture
def at():
    """The time of every peer."""
    return AT


@pytest.fixture
def make_peer():
    return Peer


@pytest.fixture(scope="session")
def make_peer_class():
    """The same for property tests, which share one fixture among their examples."""
    return Peer


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def serve():
    """Return an asynchronous context manager that starts a listener; it yields a `Served`."""

    @contextlib.asynccontextmanager
    async def start(*, accept=None, implicit_tls=False, **fields):
        served = Served(site=make_site(**fields))

        async def take(envelope):
            served.envelopes.append(envelope)
            return ACCEPTED

        limits = served.site.limits
        shortest = min(limits.inactivity_timeout, limits.session_timeout, limits.slow_after)
        served.listener = Listener(
            choose=lambda _place, _client: served.site,
            accept=accept or take,
            check_interval=min(timedelta(seconds=1), shortest / 10),
        )
        served.port = await served.listener.open("127.0.0.1", 0, implicit_tls=implicit_tls)
        try:
            yield served
        finally:
            await served.listener.stop()

    return start


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine under each of the two event loops."""
    return request.param
