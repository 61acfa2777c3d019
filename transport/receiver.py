"""The process that takes mail in: the listener's border to the database.

Parallel sessions share commits: while one batch is being flushed to disk, the next one gathers.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import uvloop
from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from transport import bell, resources, servers, submission
from transport.back_pressure import Pressure
from transport.checkpoints import Checkpoints
from transport.commits import Committer
from transport.directories import PICKUP, REPLAY, Directory
from transport.envelope import Envelope
from transport.latency import Latency
from transport.listening import Doors
from transport.models import TransportServer
from transport.queue.keys import enter, submission_key
from transport.receiving.errors import Refused

logger = logging.getLogger(__name__)
FIRST_TRY_FOR = timedelta(seconds=5)
"""How long a sender waits for a database that is locked or restarting before it gets 451."""


class Answer:
    """The waiter of one message: the client hears of the commit, or keeps its message."""

    __slots__ = ("future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[str] = loop.create_future()

    def cancelled(self) -> bool:
        """Whether nobody waits; a client that hung up still has its message stored."""
        return self.future.cancelled()

    def set_result(self, text: str) -> None:
        """Say the text behind `250 2.6.0`."""
        if not self.future.done():
            self.future.set_result(text)

    def set_exception(self, error: BaseException) -> None:
        """Say 451 or 452 for a database that would not take it."""
        if isinstance(error, DatabaseError | InterfaceError):
            refused = refusal(error)
            refused.__cause__ = error
            error = refused
        if not self.future.done():
            self.future.set_exception(error)


class Receiver:
    """Stores what the listener hands over and rings for it."""

    def __init__(self, server: TransportServer, *, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._committer = Committer(
            self._store,
            name="accept",
            most=100,
            bytes_of=lambda envelope: len(envelope.content),
            patience=FIRST_TRY_FOR,
            prepare=self._sign,
            # One call into the loop a batch: each of them costs a system call and a change of threads.
            hand_back=loop.call_soon_threadsafe,
        )

    def accept(self, envelope: Envelope) -> "asyncio.Future[str]":
        """Store one message; resolves to the text behind `250 2.6.0` once it is on disk.

        Fails with `Refused` (451) when the database would not take it: the client keeps the message.
        """
        answer = Answer(self._loop)
        self._committer.hand_in(envelope, waiter=answer)
        return answer.future

    def _sign(self, envelopes: Sequence[Envelope]) -> list[Envelope]:
        return submission.signed(envelopes, now=timezone.now())

    def _store(self, envelopes: Sequence[Envelope]) -> list[str]:
        accepted = submission.accept(envelopes, server=self._server, now=timezone.now())
        queues = {queue for one in accepted for queue in one.queues}
        transaction.on_commit(partial(bell.ring, queues))
        return [self._text(one) for one in accepted]

    def _text(self, accepted: submission.Accepted) -> str:
        name = accepted.internet_message_id or f"<{accepted.message_id}@{self._server.fqdn}>"
        facts = f"[InternalId={accepted.message_id}, Hostname={self._server.fqdn}]"
        return f"{name} {facts} Queued mail for delivery"

    @property
    def latency(self) -> Latency:
        """How long commits take."""
        return self._committer.latency

    def stop(self) -> None:
        """Write what was handed in."""
        self._committer.stop()


def refusal(error: Exception) -> Refused:
    """What the client hears of a database that would not take its message; it keeps it."""
    if resources.is_out_of_room(error):
        return Refused(452, "4.3.1", "Insufficient system resources")
    return Refused(451, "4.3.0", "Cannot store the message now, try again later")


def serve() -> None:
    """Take mail in through the receive connectors until SIGTERM or SIGINT.

    Then finish what is being accepted and return. Raises OSError when no binding can be had.
    """
    server = servers.register()
    with transaction.atomic():
        enter({submission_key(server.pk): 0}, now=timezone.now())
    uvloop.run(_serve(server))


async def _serve(server: TransportServer) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    receiver = Receiver(server, loop=loop)
    pressure = Pressure()
    doors = Doors(server, accept=receiver.accept, pressure=pressure, certificates=settings.CERTIFICATES_DIR)
    sampler = resources.Sampler(
        server, pressure=pressure, latency=receiver.latency, memory_used=doors.memory.used_percent
    )
    sampler.start()
    checkpoints = Checkpoints()
    checkpoints.start()
    directories = [Directory(kind, server=server, pressure=pressure) for kind in (PICKUP, REPLAY)]
    for directory in directories:
        directory.start()
    await doors.open()
    following = loop.create_task(doors.follow())
    await stopping.wait()
    following.cancel()
    await doors.close()
    for directory in directories:
        directory.stop()
    sampler.stop()
    receiver.stop()
    checkpoints.stop()
