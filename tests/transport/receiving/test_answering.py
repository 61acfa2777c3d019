"""The final dot is answered after a commit and nothing else (RFC 5321 6.1, RFC 1047)."""

import asyncio
import time

import pytest
from django.db import connections

from tests.support.engine import connector, server
from tests.support.faulty_dns import SILENCE, FaultyDns
from transport import receiver, server_settings
from transport.models import Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
CLIENTS = 20
MESSAGES = 15
BODY = b"Subject: four kilobytes\r\n\r\n" + (b"x" * 78 + b"\r\n") * 50


async def hand_in(client) -> list[float]:
    """Seconds from each final dot to its answer."""
    waited = []
    await client.ask(b"EHLO client.example.test\r\n")
    for number in range(MESSAGES):
        for line in (
            b"MAIL FROM:<a@example.com>\r\n",
            b"RCPT TO:<b%d@example.org>\r\n" % number,
            b"DATA\r\n",
        ):
            await client.ask(line)
        client.writer.write(BODY)
        at_dot = time.monotonic()
        assert (await client.ask(b".\r\n")).startswith(b"250 2.6.0 ")
        waited.append(time.monotonic() - at_dot)
    await client.close()
    return waited


def test_99_of_100_dots_are_answered_within_a_second_and_no_name_is_looked_up(run, serve):
    here = server()
    connector(use_external_dns=True)

    async def load():
        taking = receiver.Receiver(here, loop=asyncio.get_running_loop())
        async with serve(accept=taking.accept) as served:
            clients = [await served.dial() for _ in range(CLIENTS)]
            waited = await asyncio.gather(*(hand_in(client) for client in clients))
        await asyncio.to_thread(taking.stop)
        return sorted(seconds for each in waited for seconds in each)

    with FaultyDns(lambda _name, _kind: SILENCE) as dns:
        server_settings.set_lists(here, {"external_dns_servers": [dns.address]}, actor="tests")
        waited = run(load())
        connections.close_all()

        assert dns.asked == []
    assert waited[len(waited) * 99 // 100] < 1
    assert Message.objects.count() == CLIENTS * MESSAGES
