"""The rules of RFC 5321 section 5 and RFC 7505: which hosts, in which order, or why none."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from connectors.profiles import ONE_FAMILY, IpFamily
from transport.destinations.failures import (
    DestinationFailed,
    as_temporary,
    forbidden,
    loops,
    malformed,
    no_host,
    no_mail_accepted,
    nonexistent,
    query_failed,
    wrong_family,
)
from transport.destinations.forbidden import AddressRule
from transport.destinations.lookup import NULL_EXCHANGER, Exchanger, Limits, Located, Lookup, best_first
from transport.destinations.names import a_label, address_in
from transport.destinations.ourselves import Ourselves
from transport.destinations.resolver import Answer, LookupFailed
from transport.envelope import Host


@dataclass(frozen=True, kw_only=True)
class Destinations:
    """Finds hosts for one connector on one server. Cheap to make; answers are shared per DNS server list."""

    dns_servers: tuple[str, ...] = ()
    """`address` or `address:port`, asked in this order; empty means the system's."""
    validating: bool = False
    """Each of `dns_servers` is a validator: then hosts come with the names of their TLSA records."""
    own_names: frozenset[str] = frozenset()
    """FQDNs of this server and of the connector."""
    own_listeners: tuple[str, ...] = ()
    """`address:port` where this server accepts mail; `0.0.0.0` and `::` stand for every own address."""
    port: int = 25
    address_rule: AddressRule | None = None
    """What a recipient domain may not lead to; None lets everything through. Smart hosts are not asked."""
    by_name: bool = False
    """Hosts that share an address are kept apart: a policy may allow the one and not the other."""
    ip_family: IpFamily = IpFamily.ANY
    limits: Limits = field(default_factory=Limits)

    def hosts_for_domain(self, domain: str) -> tuple[Host, ...]:
        """Find the hosts that take mail for a recipient domain, best first. Raises DestinationFailed."""
        return self._permitted(domain, self._hosts_for_domain(domain))

    def _permitted(self, domain: str, hosts: tuple[Host, ...]) -> tuple[Host, ...]:
        """Leave out what the rule forbids. What is left is dialled as it stands: no name is asked again."""
        if self.address_rule is None:
            return hosts
        objections = [self.address_rule.objection(host.address) for host in hosts]
        permitted = tuple(host for host, objection in zip(hosts, objections, strict=True) if not objection)
        if not permitted:
            raise forbidden(domain, host=hosts[0], objection=objections[0])
        return permitted

    def _hosts_for_domain(self, domain: str) -> tuple[Host, ...]:
        if domain.startswith("[") and (address := address_in(domain)):
            return self._host_at(address, name=f"[{address}]")
        name = _checked(domain)
        lookup = self._lookup(name)
        try:
            answer = lookup.exchangers(name)
        except LookupFailed as trouble:
            raise query_failed(name, str(trouble)) from trouble
        if not answer.exists:
            raise nonexistent(name)
        if [exchange for _, exchange in answer.records] == [NULL_EXCHANGER]:
            raise no_mail_accepted(name)
        if answer.records:
            return self._hosts_of(name, best_first(answer.records, secure=answer.secure), lookup=lookup)
        return self._hosts_of(name, [Exchanger(preference=0, name=name, secure=True)], lookup=lookup)

    def hosts_for_smart_host(self, smart_host: str) -> tuple[Host, ...]:
        """Find the hosts behind one smart host: an address itself, else MX first, then address.

        exchange.md 2.5. Raises DestinationFailed, always temporary: a wrong configuration must not end mail.
        """
        try:
            return self._smart_host(smart_host)
        except DestinationFailed as failure:
            raise as_temporary(failure) from failure

    def _smart_host(self, smart_host: str) -> tuple[Host, ...]:
        if address := address_in(smart_host):
            return self._host_at(address, name=address)
        name = _checked(smart_host)
        lookup = self._lookup(name)
        answer = self._exchangers_if_any(name, lookup=lookup)
        if not answer.exists:
            raise nonexistent(name)
        if exchangers := best_first(answer.records):
            return self._hosts_of(name, exchangers, lookup=lookup)
        return self._addresses_of(name, lookup=lookup)

    def _exchangers_if_any(self, name: str, *, lookup: Lookup) -> Answer[tuple[int, str]]:
        """Take the MX records, none when they cannot be had: the name may still have an address."""
        try:
            return lookup.exchangers(name)
        except LookupFailed as trouble:
            lookup.troubles.append(str(trouble))
            return Answer()

    def _addresses_of(self, name: str, *, lookup: Lookup) -> tuple[Host, ...]:
        """Take the smart host itself. Its name may be ours: a filter on another port of this machine."""
        hosts = self._resolve([Exchanger(preference=0, name=name)], lookup=lookup)
        return self._ahead_of_ourselves(name, hosts, found=[name], lookup=lookup)

    def _hosts_of(self, name: str, exchangers: list[Exchanger], *, lookup: Lookup) -> tuple[Host, ...]:
        """Resolve what stands ahead of our own name; an MX set that leads nowhere never falls back to A."""
        own = [exchanger for exchanger in exchangers if self._ourselves.is_named(exchanger.name)]
        ahead = [mx for mx in exchangers if not own or mx.preference < own[0].preference]
        if own and not ahead:
            raise loops(name, through=own[0].name)
        hosts = self._resolve(ahead[: self.limits.exchangers], lookup=lookup)
        return self._ahead_of_ourselves(name, hosts, found=[mx.name for mx in ahead], lookup=lookup)

    def _resolve(self, exchangers: list[Exchanger], *, lookup: Lookup) -> list[Host]:
        hosts: dict[tuple[str, str], Host] = {}
        for exchanger in exchangers:
            located = lookup.addresses(exchanger.name)
            bases = self._tlsa_bases(exchanger, located, lookup=lookup)
            for address in located.addresses:
                host = Host(
                    name=exchanger.name,
                    address=address,
                    port=self.port,
                    preference=exchanger.preference,
                    tlsa_bases=bases,
                )
                hosts.setdefault((address, host.name if self.by_name else ""), host)
        return list(hosts.values())

    def _tlsa_bases(self, exchanger: Exchanger, located: Located, *, lookup: Lookup) -> tuple[str, ...]:
        """Where CNAMEs lead, then the name itself, each as far as DNSSEC proves it (RFC 7672 section 2.2)."""
        if not self.validating or not exchanger.secure or not located.addresses:
            return ()
        if located.secure:
            return tuple(dict.fromkeys((located.name, exchanger.name)))
        if located.name == exchanger.name:
            return ()
        try:
            return (exchanger.name,) if lookup.has_secure_alias(exchanger.name) else ()
        except LookupFailed:
            # Asking for the records fails then, too, and that is what makes the host wait.
            return (exchanger.name,)

    def _ahead_of_ourselves(
        self, name: str, hosts: list[Host], *, found: list[str], lookup: Lookup
    ) -> tuple[Host, ...]:
        """Cut this server and what is not better than it, by address this time."""
        own = next((host for host in hosts if self._ourselves.listens_on(host.address, host.port)), None)
        ahead = tuple(takewhile(lambda host: own is None or host.preference < own.preference, hosts))
        if ahead:
            return ahead
        if lookup.troubles:
            enhanced = "4.4.0" if found == [name] else "4.4.4"
            raise query_failed(name, "; ".join(lookup.troubles), enhanced=enhanced)
        if own:
            raise loops(name, through=f"{own.name} ({own.address})")
        if self.ip_family in ONE_FAMILY:
            raise wrong_family(name, _nowhere(name, found), family=self.ip_family)
        raise no_host(name, _nowhere(name, found))

    def _host_at(self, address: str, *, name: str) -> tuple[Host, ...]:
        if self._ourselves.listens_on(address, self.port):
            raise loops(name, through=f"{address} port {self.port}")
        if self.ip_family is (IpFamily.IPV4_ONLY if ":" in address else IpFamily.IPV6_ONLY):
            raise wrong_family(name, f"its address is {address}", family=self.ip_family)
        return (Host(name=name, address=address, port=self.port),)

    def _lookup(self, name: str) -> Lookup:
        try:
            return Lookup(
                self.dns_servers, limits=self.limits, validating=self.validating, ip_family=self.ip_family
            )
        except LookupFailed as trouble:
            raise query_failed(name, str(trouble)) from trouble

    @cached_property
    def _ourselves(self) -> Ourselves:
        return Ourselves(names=self.own_names, listeners=self.own_listeners)


def _checked(name: str) -> str:
    try:
        return a_label(name)
    except ValueError as error:
        raise malformed(name, str(error)) from error


def _nowhere(name: str, found: list[str]) -> str:
    if found == [name]:
        return f"{name} has neither a mail exchanger nor an address"
    if not found:
        return f"no mail exchanger of {name} is a valid host name"
    return f"no mail exchanger of {name} has an address: {', '.join(found[:5])}"
