"""The process that takes mail in: the listener's border to the database.

Parallel sessions share commits: while one batch is being flushed to disk, the next one gathers.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from datetime import timedelta

import uvloop
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from transport import servers, submission
from transport.bell import Bell
from transport.commits import Committer
from transport.envelope import Envelope
from transport.models import TransportServer
from transport.queue.keys import enter, submission_key
from transport.receiving.errors import Refused
from transport.receiving.limits import Limits
from transport.receiving.listener import Listener
from transport.receiving.networks import Networks

logger = logging.getLogger(__name__)
FIRST_TRY_FOR = timedelta(seconds=5)
"""How long a sender waits for a database that is locked or restarting before it gets 451."""


class Receiver:
    """Stores what the listener hands over and rings for it."""

    def __init__(self, server: TransportServer) -> None:
        self._server = server
        self._bell = Bell()
        self._committer = Committer(self._store, name="accept", most=100, patience=FIRST_TRY_FOR)

    async def accept(self, envelope: Envelope) -> str:
        """Store one message; returns the text behind `250 2.6.0` once it is on disk.

        Raises `Refused` (451) when the database would not take it: the client keeps the message.
        """
        try:
            accepted = await asyncio.wrap_future(self._committer.submit(envelope))
        except (DatabaseError, InterfaceError) as error:
            raise Refused(451, "4.3.0", "Cannot store the message now, try again later") from error
        for server_name, queue_id in accepted.queues:
            self._bell.ring(server_name, queue_id)
        name = accepted.internet_message_id or f"<{accepted.message_id}@{self._server.fqdn}>"
        facts = f"[InternalId={accepted.message_id}, Hostname={self._server.fqdn}]"
        return f"{name} {facts} Queued mail for delivery"

    def _store(self, envelopes: Sequence[Envelope]) -> Sequence[submission.Accepted]:
        return submission.accept(envelopes, server=self._server, now=timezone.now())

    def stop(self) -> None:
        """Write what was handed in."""
        self._committer.stop()


def serve(address: tuple[str, int], *, relay_networks: Sequence[str]) -> None:
    """Listen until SIGTERM or SIGINT; then finish what is being accepted and return."""
    server = servers.register()
    with transaction.atomic():
        enter({submission_key(server.pk): 0}, now=timezone.now())
    receiver = Receiver(server)
    networks = Networks(relay_networks)
    listener = Listener(
        address, limits=Limits(), fqdn=server.fqdn, may_relay=networks.contains, accept=receiver.accept
    )
    uvloop.run(_serve(listener))
    receiver.stop()


async def _serve(listener: Listener) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await listener.start()
    logger.info("smtp_listening")
    await stopping.wait()
    await listener.stop()
