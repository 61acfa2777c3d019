"""Which connector carries a recipient domain, and why every other one does not (exchange.md 2.1).

`RoutingTable.route` answers fast, for the mail; `choose` answers the same with every reason, for people.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from connectors.address_spaces import EVERY_DOMAIN, SMTP, AddressSpace
from connectors.domains import MAX_DOMAIN_CHARACTERS, readable
from connectors.errors import shown
from connectors.validators import format_size


class Stage(StrEnum):
    """The step at which a connector lost, in the order of the steps."""

    SIZE = "size"
    ENABLED = "enabled"
    SCOPE = "scope"
    MATCH = "match"
    SPECIFICITY = "specificity"
    COST = "cost"
    PROXIMITY = "proximity"
    NAME = "name"


class Proximity(IntEnum):
    """How near the nearest source server is."""

    HERE = 0
    SAME_SITE = 1
    OTHER_SITE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewpoint:
    """The server that holds the mail, among the servers it knows."""

    server: str
    sites: Mapping[str, str]
    """Site of every registered server by name; a server without one is in no site at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One connector, as far as the choice looks at it."""

    id: int
    name: str
    enabled: bool = True
    scoped: bool = False
    source_servers: tuple[str, ...] = ()
    max_message_bytes: int | None = None
    """None: unlimited."""
    address_spaces: tuple[AddressSpace, ...] = ()

    @property
    def order(self) -> tuple[str, str, int]:
        """The last tie-break: the lowest name, whatever its case."""
        return (self.name.casefold(), self.name, self.id)

    def carries(self, size_bytes: int) -> bool:
        """Tell whether a message of this size is within the limit."""
        return self.max_message_bytes is None or size_bytes <= self.max_message_bytes

    def space_for(self, domain: str) -> AddressSpace | None:
        """Find the most specific address space that matches."""
        matching = [space for space in self.address_spaces if space.matches(domain)]
        return max(matching, key=lambda space: (space.specificity, -space.cost), default=None)

    def proximity(self, viewpoint: Viewpoint) -> Proximity:
        """How near the nearest source server is to the viewpoint."""
        if viewpoint.server in self.source_servers:
            return Proximity.HERE
        site = viewpoint.sites.get(viewpoint.server)
        if site is not None and any(viewpoint.sites.get(name) == site for name in self.source_servers):
            return Proximity.SAME_SITE
        return Proximity.OTHER_SITE

    def is_in_scope(self, viewpoint: Viewpoint) -> bool:
        """Tell whether the viewpoint sees it: a scoped one only from a site of its source servers."""
        return not self.scoped or self.proximity(viewpoint) is not Proximity.OTHER_SITE


@dataclass(frozen=True, kw_only=True, slots=True)
class Loser:
    """A connector that does not carry the domain, and why."""

    connector: Candidate
    stage: Stage
    reason: str
    """A sentence for administrators."""
    space: AddressSpace | None = None
    """Its most specific matching address space, if any matches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The answer with every reason."""

    winner: Candidate | None
    space: AddressSpace | None = None
    """The address space by which the winner won."""
    considered: tuple[Loser, ...] = ()
    """Every other connector; those that came furthest first."""
    too_large: bool = False
    """No winner, and only because of the size: NDR 5.3.4 instead of the unreachable queue."""


@dataclass(frozen=True, slots=True)
class Route:
    """The answer without reasons."""

    connector_id: int | None
    too_large: bool = False


class RoutingTable:
    """All connectors, prepared once for many quick answers."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.candidates = tuple(candidates)
        self._exact = _Index()
        self._suffix = _Index()
        self._every: list[_Entry] = []
        for candidate in self.candidates:
            if candidate.enabled:
                self._add(candidate)
        for entries in (*self._exact.values(), *self._suffix.values(), self._every):
            entries.sort(key=lambda entry: (entry[0], entry[1].order))

    def route(self, domain: str, *, size_bytes: int, viewpoint: Viewpoint) -> Route:
        """Choose for a domain in lower case A-labels: the same winner as `choose`, without the reasons."""
        too_large = False
        for entries in self._levels(domain):
            fitting: list[_Entry] = []
            for entry in entries:
                candidate = entry[1]
                if candidate.scoped and not candidate.is_in_scope(viewpoint):
                    continue
                if not candidate.carries(size_bytes):
                    too_large = True
                elif not fitting or entry[0] == fitting[0][0]:
                    fitting.append(entry)
            if fitting:
                return Route(_nearest(fitting, viewpoint).id)
        return Route(None, too_large)

    def _levels(self, domain: str) -> Iterable[Sequence["_Entry"]]:
        """Entries that match, most specific first."""
        if entries := self._exact.get(domain):
            yield entries
        if self._suffix:
            suffix = domain
            if len(domain) > MAX_DOMAIN_CHARACTERS:
                # No pattern is longer; a hostile domain of 50,000 labels costs no more than a long one.
                suffix = domain[-MAX_DOMAIN_CHARACTERS - 1 :].partition(".")[2]
            while suffix:
                if entries := self._suffix.get(suffix):
                    yield entries
                suffix = suffix.partition(".")[2]
        yield self._every

    def _add(self, candidate: Candidate) -> None:
        for space in candidate.address_spaces:
            if space.type == SMTP:
                self._entries(space.pattern).append((space.cost, candidate))

    def _entries(self, pattern: str) -> list["_Entry"]:
        if pattern == EVERY_DOMAIN:
            return self._every
        return self._suffix[pattern[2:]] if pattern.startswith("*.") else self._exact[pattern]


_Entry = tuple[int, Candidate]


class _Index(defaultdict[str, list[_Entry]]):
    def __init__(self) -> None:
        super().__init__(list)


def _nearest(entries: Sequence[_Entry], viewpoint: Viewpoint) -> Candidate:
    """Take the nearest of entries that cost the same; they stand in the order of their names."""
    if len(entries) == 1:
        return entries[0][1]
    return min((candidate for _, candidate in entries), key=lambda candidate: candidate.proximity(viewpoint))


def choose(candidates: Iterable[Candidate], *, domain: str, size_bytes: int, viewpoint: Viewpoint) -> Choice:
    """Choose for a domain in lower case A-labels, and say of every other connector why it lost."""
    losers: list[Loser] = []
    contenders: list[_Contender] = []
    for candidate in candidates:
        space = candidate.space_for(domain)
        refusal = _refusal(candidate, space, domain=domain, size_bytes=size_bytes, viewpoint=viewpoint)
        if refusal:
            stage, reason = refusal
            losers.append(Loser(connector=candidate, stage=stage, reason=reason, space=space))
        elif space:
            contenders.append(_Contender(candidate, space, candidate.proximity(viewpoint)))
    contenders.sort(key=_Contender.rank)
    losers.sort(key=lambda loser: (-_ORDER[loser.stage], loser.connector.order))
    if not contenders:
        return Choice(
            winner=None,
            considered=tuple(losers),
            too_large=any(_lost_by_size_alone(loser, viewpoint) for loser in losers),
        )
    winner, *beaten = contenders
    defeats = sorted(
        (_defeat(loser, winner, viewpoint) for loser in beaten), key=lambda loser: -_ORDER[loser.stage]
    )
    return Choice(winner=winner.candidate, space=winner.space, considered=(*defeats, *losers))


_ORDER = {stage: number for number, stage in enumerate(Stage)}


@dataclass(frozen=True, slots=True)
class _Contender:
    candidate: Candidate
    space: AddressSpace
    proximity: Proximity

    def rank(self) -> tuple[int, int, Proximity, tuple[str, str, int]]:
        return (-self.space.specificity, self.space.cost, self.proximity, self.candidate.order)


def _refusal(
    candidate: Candidate, space: AddressSpace | None, *, domain: str, size_bytes: int, viewpoint: Viewpoint
) -> tuple[Stage, str] | None:
    if not candidate.carries(size_bytes):
        limit = format_size(candidate.max_message_bytes)
        return Stage.SIZE, f"It carries messages up to {limit}, and this one has {format_size(size_bytes)}."
    if not candidate.enabled:
        return Stage.ENABLED, "It is disabled."
    if not candidate.is_in_scope(viewpoint):
        return Stage.SCOPE, _out_of_scope(candidate, viewpoint)
    if space is None:
        return Stage.MATCH, f"None of its address spaces matches {shown(readable(domain))}."
    return None


def _out_of_scope(candidate: Candidate, viewpoint: Viewpoint) -> str:
    sites = sorted({viewpoint.sites.get(name, "no known site") for name in candidate.source_servers})
    here = viewpoint.sites.get(viewpoint.server, "no known site")
    return f"It is scoped to {', '.join(sites) or 'no site'}, and {viewpoint.server} is in {here}."


def _lost_by_size_alone(loser: Loser, viewpoint: Viewpoint) -> bool:
    connector = loser.connector
    can_serve = connector.enabled and connector.is_in_scope(viewpoint)
    return loser.stage is Stage.SIZE and loser.space is not None and can_serve


def _defeat(loser: _Contender, winner: _Contender, viewpoint: Viewpoint) -> Loser:
    """Name the first step at which the two differ."""
    name, space, better = winner.candidate.name, loser.space, winner.space
    if space.specificity != better.specificity:
        stage = Stage.SPECIFICITY
        reason = f"Its address space {space.readable} is less specific than {better.readable} of {name}."
    elif space.cost != better.cost:
        stage = Stage.COST
        reason = f"Its cost for {space.readable} is {space.cost}, and {name} does it for {better.cost}."
    elif loser.proximity != winner.proximity:
        stage = Stage.PROXIMITY
        reason = f"{_WHERE[loser.proximity]}; {name} has {_NEARER[winner.proximity]} {viewpoint.server}."
    else:
        stage = Stage.NAME
        reason = f"All else is equal, and the name {name} comes first."
    return Loser(connector=loser.candidate, stage=stage, reason=reason, space=space)


_WHERE = {
    Proximity.SAME_SITE: "Its nearest source server is another one in this site",
    Proximity.OTHER_SITE: "It has no source server in this site",
}
_NEARER = {
    Proximity.HERE: "this very server,",
    Proximity.SAME_SITE: "one in the same site as",
}
