"""How many sessions a queue gets: by the length of what waits, and never so many that others find none."""

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


def deserved(due: int, *, most: int) -> int:
    """How many sessions `due` messages deserve."""
    return min(most, -(-due // DUE_PER_SESSION))


def helpers(due: int, *, sessions: int, most: int) -> int:
    """How many sessions to call for beside `sessions` open ones: a backlog doubles them, no faster."""
    return max(0, min(deserved(due, most=most) - sessions, sessions))


def may_open(*, here: int, everywhere: int, per_queue: int, per_server: int) -> bool:
    """Whether a queue that has `here` of the server's `everywhere` sessions may have one more.

    The last fifth is for queues that have none: hundreds of slow next hops never keep mail from a quick one.
    """
    if here >= per_queue:
        return False
    return everywhere < (per_server - per_server // 5 if here else per_server)
