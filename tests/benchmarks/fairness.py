"""What 500 bad destinations, old mail and less urgent mail do to a message that could go at once.

Every figure is of the whole program as an administrator starts it.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from tests.benchmarks import backlog, latency
from tests.benchmarks.hard_hosts import KINDS, address, hard_hosts
from tests.benchmarks.scenarios import SINK_PORT
from tests.benchmarks.sink import Sink
from tests.support.nameserver import Nameserver
from tests.support.program import Program

GOOD = "good.fair.test"
GOOD_ADDRESS = "127.0.20.1"
BACK = "back.fair.test"
BACK_ADDRESS = "127.0.20.2"
SINGLE = 20
WANTED_MS = 1000
CONNECTIONS = 20
Say = Callable[[str], None]


def measure(say: Say, *, hosts_of_a_kind: int = 125, in_each: int = 200, gathered: int = 50_000) -> bool:
    """Print all figures; whether they are what was asked for."""
    found = [
        uvloop.run(_storm(say, hosts_of_a_kind=hosts_of_a_kind, in_each=in_each)),
        uvloop.run(_retries(say)),
        uvloop.run(_priorities(say)),
        uvloop.run(_return(say, gathered=gathered)),
    ]
    return all(found)


@contextlib.contextmanager
def _program(hosts_of_a_kind: int = 0) -> Iterator[Program]:
    lines = [f"{GOOD} MX 10 mx.{GOOD}", f"mx.{GOOD} A {GOOD_ADDRESS}"]
    lines += [f"{BACK} MX 10 mx.{BACK}", f"mx.{BACK} A {BACK_ADDRESS}"]
    for kind in KINDS if hosts_of_a_kind else ():
        for number in range(hosts_of_a_kind):
            lines += [f"{_hard(kind, number)} MX 10 mx.{_hard(kind, number)}"]
            lines += [f"mx.{_hard(kind, number)} A {address(kind, number)}"]
    zone = "\n".join(lines).replace(".fair.test", "")
    with Program() as program, Nameserver({"fair.test": zone}, ttl=3600) as dns:
        program.manage("ems", "-c", f"Set-TransportService E15MB1 -ExternalDNSServers {dns.address}")
        program.manage(
            "ems",
            "-c",
            "New-SendConnector -Name Many -Usage Custom -AddressSpaces '*.fair.test'"
            f" -UseExternalDNSServersEnabled $true -Port {SINK_PORT}",
        )
        yield program


def _hard(kind: str, number: int) -> str:
    return f"{kind}{number}.fair.test"


async def _storm(say: Say, *, hosts_of_a_kind: int, in_each: int) -> bool:
    """Single messages to a good destination while hundreds of bad ones have mail."""
    domains = {_hard(kind, number): in_each for kind in KINDS for number in range(hosts_of_a_kind)}
    good = Sink(expected=1_000_000)
    server = await good.listen(GOOD_ADDRESS, SINK_PORT)
    async with hard_hosts(hosts_of_a_kind):
        with _program(hosts_of_a_kind) as program:
            quiet = await _singles(program, GOOD, good, name="quiet")
            filled = await asyncio.to_thread(backlog.fill, program, domains)
            say(
                f"{len(domains)} bad destinations with {sum(domains.values()):,} messages"
                f" (loaded in {filled['loaded_s']} s); CPU milliseconds of each step of a look:"
            )
            say("  " + ", ".join(f"{name} {cost}" for name, cost in filled["looks"].items()))
            began, cpu = time.monotonic(), _cpu_s(program)
            took = await _singles(program, GOOD, good, name="storm")
            busy = (_cpu_s(program) - cpu) / (time.monotonic() - began)
            say(
                f"a message to a good one: {_line(took)} (before the storm: {_line(quiet)});"
                f" worker {_rss_mib(program)} MiB, {busy:.0%} of a processor"
            )
    server.close()
    return max(took) - statistics.median(quiet) < WANTED_MS


async def _retries(say: Say) -> bool:
    """New mail for a host that is busy with thousands of retries."""
    sink = Sink(expected=1_000_000, hold_s=0.05)
    server = await sink.listen(BACK_ADDRESS, SINK_PORT)
    with _program() as program:
        await asyncio.to_thread(backlog.fill, program, {BACK: 5000}, retried=True)
        took = await _singles(program, BACK, sink, name="new", pause_s=0.3)
        left = 5000 - (len(sink.arrived) - SINGLE)
    server.close()
    say(f"new mail beside 5,000 retries to the same host: {_line(took)}; {left:,} of them still waited")
    return left > 0 and max(took) < WANTED_MS


async def _priorities(say: Say) -> bool:
    """Three thousand messages of three priorities that are all due at once."""
    sink = Sink(expected=3000, hold_s=0.02)
    server = await sink.listen(BACK_ADDRESS, SINK_PORT)
    with _program() as program:
        filled = await asyncio.to_thread(backlog.fill, program, {BACK: 3000}, priorities=3)
        sink.last = time.monotonic()
        await sink.wait(idle_s=20)
    ranks = _ranks(list(sink.arrived), priorities=filled["priorities"])
    server.close()
    order = [statistics.mean(ranks[priority]) for priority in (0, 1, 2)]
    early = sum(rank < max(ranks[0]) for rank in ranks[1] + ranks[2])
    say(
        f"mean place in 3,000 of High, Normal, Low: {order[0]:.0f}, {order[1]:.0f}, {order[2]:.0f};"
        f" {early} others came before the last High, over {CONNECTIONS} connections"
    )
    # Each session may have one in hand and one behind it.
    return order == sorted(order) and early <= 4 * CONNECTIONS


def _ranks(arrived: list[bytes], *, priorities: dict[str, int]) -> dict[int, list[int]]:
    """The places at which messages of each priority came."""
    ranks: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for place, recipient in enumerate(arrived):
        ranks[priorities[recipient.decode()]].append(place)
    return ranks


async def _return(say: Say, *, gathered: int) -> bool:
    """A host is back for which tens of thousands of messages had gathered."""
    with _program() as program:
        await asyncio.to_thread(backlog.fill, program, {BACK: gathered})
        await asyncio.sleep(5)
        sink, good = Sink(expected=1_000_000), Sink(expected=1_000_000)
        servers = [await sink.listen(BACK_ADDRESS, SINK_PORT), await good.listen(GOOD_ADDRESS, SINK_PORT)]
        await sink.wait_for_first()
        curve = asyncio.create_task(_watch(sink, seconds=20))
        fresh = await _singles(program, BACK, sink, name="fresh", pause_s=0.4)
        others = await _singles(program, GOOD, good, name="other", pause_s=0.4)
        left = gathered - (len(sink.arrived) - SINGLE)
        rows = await curve
        rss = _rss_mib(program)
    for server in servers:
        server.close()
    say(
        f"a host returns to {gathered:,} messages; seconds since the first, connections, messages per second:"
    )
    say("  " + ", ".join(f"{second:g} s {connections} {rate:.0f}" for second, connections, rate in rows))
    say(
        f"meanwhile fresh mail to it: {_line(fresh)}, to another: {_line(others)}; {left:,} still waited;"
        f" at most {max(sink.most_open.values())} connections; worker {rss} MiB"
    )
    in_time = max(*fresh, *others) < WANTED_MS
    return in_time and left > 0 and max(sink.most_open.values()) <= CONNECTIONS


async def _watch(sink: Sink, *, seconds: int) -> list[tuple[float, int, float]]:
    """Connections and messages per second, at first in fifths of a second."""
    began, rows = time.monotonic(), []
    before, at = len(sink.arrived), began
    for step in [0.2] * 5 + [1.0] * (seconds - 1):
        await asyncio.sleep(step)
        now, count = time.monotonic(), len(sink.arrived)
        rows.append((round(now - began, 1), sum(sink.open.values()), (count - before) / (now - at)))
        before, at = count, now
    return rows


async def _singles(
    program: Program, domain: str, sink: Sink, *, name: str, pause_s: float = 1.0
) -> list[float]:
    """Milliseconds from `250` to arrival of single messages."""
    accepted: dict[bytes, float] = {}
    relay = f"{program.smtp[0]}:{program.smtp[1]}"
    for number in range(SINGLE):
        await asyncio.sleep(pause_s)
        recipient = f"{name}{number}@{domain}"
        accepted[recipient.encode()] = await asyncio.to_thread(latency.send, relay, recipient)
    await sink.wait_for(accepted.keys(), most_s=60)
    lost = float("inf")
    return [max(0.0, (sink.arrived.get(one, lost) - at) * 1000) for one, at in accepted.items()]


def _line(took: list[float]) -> str:
    return f"median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms"


def _rss_mib(program: Program) -> int:
    status = Path(f"/proc/{program.pids['worker']}/status").read_text()
    kib = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return int(kib) // 1024


def _cpu_s(program: Program) -> float:
    fields = Path(f"/proc/{program.pids['worker']}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
