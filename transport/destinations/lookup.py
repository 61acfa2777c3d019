"""One search for hosts: its resolver, its time, and the troubles met on the way."""

import random
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest

from transport.destinations.names import is_host_name, plain_address
from transport.destinations.resolver import Deadline, LookupFailed, resolver_for

_random = random.SystemRandom()

NULL_EXCHANGER = "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much DNS may cost; the times are Exchange's (exchange.md 3), the caps keep hostile zones small."""

    total: timedelta = timedelta(seconds=60)
    per_server: timedelta = timedelta(seconds=5)
    per_name: timedelta = timedelta(seconds=15)
    """For the addresses of one name: a name that hangs leaves time for the other exchangers."""
    exchangers: int = 20
    addresses: int = 10
    """Per exchanger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchanger:
    """One MX record whose name can be dialled."""

    preference: int
    name: str


class Lookup:
    """Asks for one destination; a trouble with one name is kept and does not stop the others."""

    def __init__(self, dns_servers: tuple[str, ...], *, limits: Limits) -> None:
        self._limits = limits
        self._resolver = resolver_for(dns_servers, per_server=limits.per_server)
        self._deadline = Deadline.after(limits.total)
        self.troubles: list[str] = []

    def exchangers(self, name: str) -> tuple[tuple[int, str], ...] | None:
        """Ask for the MX records; None when the name does not exist. Raises LookupFailed."""
        return self._resolver.mail_exchangers(name, deadline=self._deadline)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Ask for both families; one that cannot be looked up does not hide the other."""
        deadline = self._deadline.at_most(self._limits.per_name)
        four = self._family(name, ipv6=False, deadline=deadline)
        if four is None:
            return ()
        if four:
            deadline = deadline.at_most(self._limits.per_server)
        six = self._family(name, ipv6=True, deadline=deadline) or []
        alternating = chain.from_iterable(zip_longest(four, six))
        return tuple(address for address in alternating if address is not None)[: self._limits.addresses]

    def _family(self, name: str, *, ipv6: bool, deadline: Deadline) -> list[str] | None:
        try:
            found = self._resolver.addresses(name, ipv6=ipv6, deadline=deadline)
        except LookupFailed as trouble:
            self.troubles.append(str(trouble))
            return []
        if found is None:
            return None
        distinct = list({plain_address(address) for address in found})
        _random.shuffle(distinct)
        return distinct


def best_first(records: tuple[tuple[int, str], ...]) -> list[Exchanger]:
    """Exchangers that can be dialled, by preference, equal ones at random (RFC 5321 section 5.1).

    Invalid records are dropped (DnsFaultTolerance Lenient, exchange.md 3).
    """
    best: dict[str, int] = {}
    for preference, name in records:
        if is_host_name(name):
            best[name] = min(preference, best.get(name, preference))
    exchangers = [Exchanger(preference=preference, name=name) for name, preference in best.items()]
    _random.shuffle(exchangers)
    return sorted(exchangers, key=lambda exchanger: exchanger.preference)
