"""One search for hosts: its resolver, its time, and the troubles met on the way."""

import random
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest

from connectors.profiles import IpFamily
from transport.destinations.names import is_host_name, plain_address
from transport.destinations.resolver import Answer, Deadline, LookupFailed, resolver_for
from transport.host_policy import TlsaRecord

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
    secure: bool = False
    """DNSSEC proves that the domain named it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """The addresses of one name."""

    addresses: tuple[str, ...] = ()
    name: str = ""
    """Where CNAMEs led."""
    secure: bool = False
    """DNSSEC proves every address, and every CNAME on the way."""


class Lookup:
    """Asks for one destination; a trouble with one name is kept and does not stop the others."""

    def __init__(
        self,
        dns_servers: tuple[str, ...],
        *,
        limits: Limits,
        validating: bool = False,
        ip_family: IpFamily = IpFamily.ANY,
    ) -> None:
        self._limits = limits
        self._ip_family = ip_family
        self._resolver = resolver_for(dns_servers, per_server=limits.per_server, validating=validating)
        self._deadline = Deadline.after(limits.total)
        self.troubles: list[str] = []

    def exchangers(self, name: str) -> Answer[tuple[int, str]]:
        """Ask for the MX records. Raises LookupFailed."""
        return self._resolver.mail_exchangers(name, deadline=self._deadline)

    def addresses(self, name: str) -> Located:
        """Ask for the families that are dialled; one that cannot be looked up does not hide the other."""
        deadline = self._deadline.at_most(self._limits.per_name)
        four: Answer[str] = Answer()
        six: Answer[str] = Answer()
        if self._ip_family is not IpFamily.IPV6_ONLY:
            four = self._family(name, ipv6=False, deadline=deadline)
        if not four.exists:
            return Located(name=name)
        if four.records:
            deadline = deadline.at_most(self._limits.per_server)
        if self._ip_family is not IpFamily.IPV4_ONLY:
            six = self._family(name, ipv6=True, deadline=deadline)
        found = [family for family in (four, six) if family.records]
        return Located(
            addresses=self._ordered(_shuffled(four.records), _shuffled(six.records)),
            name=found[0].name if found else name,
            secure=bool(found) and all(family.secure for family in found),
        )

    def _ordered(self, four: list[str], six: list[str]) -> tuple[str, ...]:
        if self._ip_family is IpFamily.PREFER_IPV4:
            ordered = [*four, *six]
        elif self._ip_family is IpFamily.PREFER_IPV6:
            ordered = [*six, *four]
        else:
            alternating = chain.from_iterable(zip_longest(four, six))
            ordered = [one for one in alternating if one is not None]
        return tuple(ordered[: self._limits.addresses])

    def texts(self, name: str) -> tuple[bytes, ...]:
        """Ask for the TXT records. Raises LookupFailed."""
        deadline = self._deadline.at_most(self._limits.per_name)
        return self._resolver.texts(name, deadline=deadline).records

    def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Ask for the TLSA records. Raises LookupFailed, also for signatures that do not hold."""
        return self._resolver.tlsa(name, deadline=self._deadline.at_most(self._limits.per_name))

    def has_secure_alias(self, name: str) -> bool:
        """Whether the name itself is a CNAME that DNSSEC proves, wherever it leads. Raises LookupFailed."""
        found = self._resolver.alias(name, deadline=self._deadline.at_most(self._limits.per_name))
        return bool(found.records) and found.secure

    def _family(self, name: str, *, ipv6: bool, deadline: Deadline) -> Answer[str]:
        try:
            return self._resolver.addresses(name, ipv6=ipv6, deadline=deadline)
        except LookupFailed as trouble:
            self.troubles.append(str(trouble))
            return Answer()


def _shuffled(addresses: tuple[str, ...]) -> list[str]:
    distinct = list({plain_address(address) for address in addresses})
    _random.shuffle(distinct)
    return distinct


def best_first(records: tuple[tuple[int, str], ...], *, secure: bool = False) -> list[Exchanger]:
    """Exchangers that can be dialled, by preference, equal ones at random (RFC 5321 section 5.1).

    Invalid records are dropped (DnsFaultTolerance Lenient, exchange.md 3).
    """
    best: dict[str, int] = {}
    for preference, name in records:
        if is_host_name(name):
            best[name] = min(preference, best.get(name, preference))
    exchangers = [
        Exchanger(preference=preference, name=name, secure=secure) for name, preference in best.items()
    ]
    _random.shuffle(exchangers)
    return sorted(exchangers, key=lambda exchanger: exchanger.preference)
