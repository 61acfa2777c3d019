"""How long one message takes on an idle system, from its `250` to the sink."""

import asyncio
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
import statistics
import time
from typing import Any

import uvloop

from tests.benchmarks.scenarios import SINK_PORT
from tests.benchmarks.sink import Sink

MESSAGES = 20
PAUSE_S = 3.0
"""Longer than a session keeps its connection: every message needs a new one."""


def measure(relay: str) -> dict[str, Any]:
    """Send single messages with a pause between them."""
    return uvloop.run(_measure(relay))


async def _measure(relay: str) -> dict[str, Any]:
    sink = Sink(expected=MESSAGES)
    server = await sink.listen("127.0.0.1", SINK_PORT)
    accepted: dict[bytes, float] = {}
    for number in range(MESSAGES):
        await asyncio.sleep(PAUSE_S)
        recipient = f"one{number}@example.test"
        accepted[recipient.encode()] = await asyncio.to_thread(send, relay, recipient)
    await sink.wait(idle_s=10)
    server.close()
    took = sorted((sink.arrived[recipient] - at) * 1000 for recipient, at in accepted.items())
    return {"median_ms": statistics.median(took), "worst_ms": took[-1], "messages": len(took)}


def send(relay: str, recipient: str) -> float:
    """Returns when the relay said 250, by the monotonic clock."""
    host, _, port = relay.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=30) as client:
        client.ehlo("client.test")
        client.mail("a@bench.test")
        client.rcpt(recipient)
        client.data(b"Subject: one\r\n\r\nhello\r\n")
        return time.monotonic()
