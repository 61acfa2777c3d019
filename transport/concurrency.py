"""How many sessions a queue gets: by the length of what waits, as far as every limit leaves room."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

DUE_PER_SESSION = 20
"""One more connection for so many due messages (exchange.md 2.5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much one server does at once (MaxPerDomainOutboundConnections, MaxOutboundConnections)."""

    connections_per_queue: int = 20
    connections: int = 1000
    claim: int = 2
    """Messages a session holds at a time: one is sent, the envelope of the next travels with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A limit, and what it leaves to one queue."""

    room: int
    """How many more sessions may begin."""
    said: str
    """The limit in words for an administrator, behind "held back by:"."""
    of_messages: bool = False
    """It limits messages rather than connections: it also holds back a queue that has its sessions."""
    gate: Hashable = None
    """What the queues have in common that share the limit; None: it is the queue's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a queue and its server stand."""

    here: int = 0
    """Sessions of the queue."""
    everywhere: int = 0
    """Sessions of the server."""
    attended: int = 0
    """Queues of the server that have any."""
    shared: int = 0
    """Sessions of all queues that lead to the same hosts."""
    begun: int = 0
    """Sessions of its connector that were promised to other queues and are not there yet."""
    failed: bool = False
    """Its next hop could not be used when it was tried last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How many sessions may begin for a queue, and what keeps it from having more."""

    sessions: int
    held_back_by: Hold | None = None


def decide(wanted: int, holds: Sequence[Hold]) -> Decision:
    """Say how many of the `wanted` sessions may begin, and which limit stands in the way of the others."""
    tightest = min(holds, key=lambda hold: hold.room)
    if wanted > tightest.room:
        return Decision(sessions=max(0, tightest.room), held_back_by=tightest)
    exhausted = next((hold for hold in holds if hold.of_messages and hold.room <= 0), None)
    return Decision(sessions=max(0, wanted), held_back_by=exhausted)


def deserved(due: int, *, most: int) -> int:
    """How many sessions `due` messages deserve."""
    return min(most, -(-due // DUE_PER_SESSION))


def helpers(due: int, *, sessions: int, most: int) -> int:
    """How many sessions to call for beside `sessions` open ones: a backlog doubles them, no faster."""
    return max(0, min(deserved(due, most=most) - sessions, sessions))


def connection_holds(standing: Standing, *, limits: Limits) -> tuple[Hold, ...]:
    """What the connections leave: to one next hop, and of the server.

    The last fifth of the server's is for queues that have none, and no more than two fifths are second and
    further ones: hundreds of slow next hops never keep mail from a quick one.
    """
    here, most = standing.here, limits.connections_per_queue
    if standing.failed:
        own = Hold(room=1 - here, said="one connection: the next hop failed and is being probed")
    else:
        own = Hold(room=most - here, said=connections(most))
    free, fifth = limits.connections - standing.everywhere, limits.connections // 5
    further = standing.everywhere - standing.attended
    room = min(free - fifth, 2 * fifth - further)
    if not here and free > 0:
        room = max(1, room)
    said = f"the server's {limits.connections:,} connections"
    return own, Hold(room=room, said=f"its share of {said}" if here else said, gate="server")


def connections(count: int) -> str:
    """Say so many connections."""
    return f"{count:,} connection{'s' * (count != 1)}"
