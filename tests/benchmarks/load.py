"""Loads a relay with Postfix's own `smtp-source` and watches what arrives at the sink."""

import asyncio
import shutil
import time
from typing import Any

from tests.benchmarks.scenarios import SINK_PORT, Scenario, domain_address
from tests.benchmarks.sink import Sink

IDLE_S = 20.0
LAST_ANSWERS_S = 0.5


async def measure(relay: str, scenario: Scenario) -> dict[str, Any]:
    """Run one load; rates are recipients per second from the first submission to the last arrival."""
    expected = scenario.messages * scenario.recipients
    sink = Sink(expected=expected, rtt_s=scenario.rtt_ms / 1000)
    hosts = ["127.0.0.1"]
    if len(scenario.domains) > 1:
        hosts += [domain_address(number) for number in range(len(scenario.domains))]
    servers = [await sink.listen(host, SINK_PORT) for host in hosts]
    started = time.monotonic()
    try:
        await _submit(relay, scenario)
        accepted = time.monotonic()
        sink.last = accepted
        await sink.wait(idle_s=IDLE_S)
        # The last answers are on their way: who does not get his sends his message again, minutes later.
        await asyncio.sleep(scenario.rtt_ms / 1000 + LAST_ANSWERS_S)
    finally:
        for server in servers:
            server.close()
    return {
        "accepted_per_s": round(expected / (accepted - started)),
        "delivered_per_s": round(len(sink.arrived) / (sink.last - started)),
        "lost": expected - len(sink.arrived),
        "doubled": sink.doubled,
        "connections": max(sink.most_open.values(), default=0),
        "seconds": round(sink.last - started, 2),
    }


async def _submit(relay: str, scenario: Scenario) -> None:
    """One `smtp-source` for one domain with all sessions, else one for each domain, so many at a time."""
    share = scenario.messages // len(scenario.domains)
    alone = len(scenario.domains) == 1
    free = asyncio.Semaphore(1 if alone else scenario.sessions)

    async def send(domain: str) -> None:
        async with free:
            await _source(
                relay, scenario, domain=domain, messages=share, sessions=scenario.sessions if alone else 1
            )

    await asyncio.gather(*(send(domain) for domain in scenario.domains))


async def _source(relay: str, scenario: Scenario, *, domain: str, messages: int, sessions: int) -> None:
    program = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
    if program is None:
        raise SystemExit("smtp-source is missing: apt-get install --no-install-recommends postfix")
    options = {
        "-s": sessions,
        "-m": messages,
        "-l": scenario.size_bytes,
        "-r": scenario.recipients,
        "-f": "a@bench.test",
        "-t": f"b@{domain}",
    }
    words = [str(part) for option in options.items() for part in option]
    process = await asyncio.create_subprocess_exec(program, "-d", "-N", *words, relay)
    if await process.wait():
        raise SystemExit(f"smtp-source could not hand its messages to {relay}")
