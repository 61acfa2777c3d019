"""What a change of the connectors does to mail that waits: the old and the new plan, compared. Pure.

Domains are routed, each once for each server that holds mail for it, as the categorizer routes them. Sizes
are not looked at: every message counts as one that fits.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from connectors.plans import Plan
from connectors.profiles import Delivery, DeliveryProfile
from connectors.selection import Viewpoint

SMALL = 1
"""Fits every connector."""
TOLD = 10
"""So many domains are named; the others are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Queued messages of one server whose recipients lie in the same domains."""

    server: str
    domains: frozenset[str]
    """Lower case A-labels."""
    messages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """What becomes of the waiting mail for one domain."""

    domain: str
    old: str
    """The connector that carries it now; empty: none."""
    new: str
    elsewhere: bool
    """It goes another way, or begins or ends to be reachable."""
    tls: bool
    """It goes on, under another TLS policy."""
    messages: int = 0

    @property
    def is_lost(self) -> bool:
        """Whether no connector carries it any more."""
        return bool(self.old) and not self.new

    @property
    def is_freed(self) -> bool:
        """Whether a connector carries it at last."""
        return bool(self.new) and not self.old


@dataclass(frozen=True, kw_only=True, slots=True)
class Impact:
    """How many queued messages a change touches; a message with many domains may count in several ways."""

    moved: int = 0
    """They take another connector, next hop or source server."""
    unreachable: int = 0
    """No connector carries them any more."""
    freed: int = 0
    """A connector carries them at last."""
    tls: int = 0
    """They go under another TLS policy."""
    moves: tuple[Move, ...] = ()
    """The domains with the most messages, at most `TOLD`."""
    more_domains: int = 0
    unseen: int = 0
    """So many waiting messages were not looked at."""

    def __bool__(self) -> bool:
        """Whether it changes anything for anyone."""
        return bool(self.moved or self.unreachable or self.freed or self.tls)


@dataclass(frozen=True, slots=True)
class _Way:
    profile: DeliveryProfile
    source_servers: frozenset[str]


def compare(
    waiting: Iterable[Waiting], *, old: Plan, new: Plan, sites: Mapping[str, str], unseen: int = 0
) -> Impact:
    """Compare two plans over what waits. `sites`: the site of every registered server, by name."""

    @cache
    def becomes(domain: str, server: str) -> Move:
        before, after = (_way(plan, domain, server=server, sites=sites) for plan in (old, new))
        return _move(domain, before, after, server=server)

    counts = {"moved": 0, "unreachable": 0, "freed": 0, "tls": 0}
    touched: dict[str, tuple[Move, int]] = {}
    for group in waiting:
        moves = [becomes(domain, group.server) for domain in group.domains]
        for kind in {kind for move in moves for kind in _kinds(move)}:
            counts[kind] += group.messages
        for move in moves:
            if move.elsewhere or move.tls:
                _, before = touched.get(move.domain, (move, 0))
                touched[move.domain] = (move, before + group.messages)
    told = sorted(touched.values(), key=lambda one: (-one[1], one[0].domain))
    return Impact(
        **counts,
        moves=tuple(replace(move, messages=messages) for move, messages in told[:TOLD]),
        more_domains=max(0, len(told) - TOLD),
        unseen=unseen,
    )


def _way(plan: Plan, domain: str, *, server: str, sites: Mapping[str, str]) -> _Way | None:
    """The way out; None where no connector matches, or none of its source servers is registered."""
    viewpoint = Viewpoint(server=server, sites=sites)
    chosen = plan.table.route(domain, size_bytes=SMALL, viewpoint=viewpoint).connector_id
    if chosen is None or chosen not in plan.profiles:
        return None
    here = frozenset(name for name in plan.source_servers[chosen] if name in sites)
    return _Way(plan.profiles[chosen], here) if here else None


def _move(domain: str, old: _Way | None, new: _Way | None, *, server: str) -> Move:
    names = [way.profile.name if way else "" for way in (old, new)]
    if old is None or new is None:
        return Move(domain=domain, old=names[0], new=names[1], elsewhere=old is not new, tls=False)
    hands_over = server in old.source_servers and server not in new.source_servers
    return Move(
        domain=domain,
        old=names[0],
        new=names[1],
        elsewhere=hands_over or _next_hop(old.profile) != _next_hop(new.profile),
        tls=_policy(old.profile) != _policy(new.profile),
    )


def _next_hop(profile: DeliveryProfile) -> tuple[object, ...]:
    hosts = profile.smart_hosts if profile.delivery is Delivery.SMART_HOST else ()
    return (profile.connector_id, profile.delivery, hosts, profile.port)


def _policy(profile: DeliveryProfile) -> tuple[object, ...]:
    return (profile.tls, profile.mta_sts, profile.dane)


def _kinds(move: Move) -> Iterator[str]:
    if move.is_lost:
        yield "unreachable"
    elif move.is_freed:
        yield "freed"
    elif move.elsewhere:
        yield "moved"
    if move.tls:
        yield "tls"
