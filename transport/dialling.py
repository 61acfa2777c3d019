"""Whom a session may dial, in which order, and how: connector and destinations made into targets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from connectors.profiles import Delivery, DeliveryProfile, IpFamily
from transport import client_certificates, destinations
from transport.certificate_store import StoredCertificate
from transport.envelope import Host, Reply
from transport.host_policy import NO_POLICY, HostPolicy
from transport.protocol_log import SessionLog
from transport.queue.claims import Opened
from transport.smtp.client import Client
from transport.smtp.logins import Login
from transport.smtp.timeouts import Timeouts
from transport.tls_policies import HostRefused, PolicyHost, PolicyStore, PublishedPolicies


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One address to dial, and what a certificate there must prove."""

    host: Host
    tls_name: str
    """The name that a certificate must be valid for, where one is asked for."""
    published: HostPolicy = NO_POLICY
    """What the recipient domain demands of TLS with this host."""

    @property
    def name(self) -> str:
        """`address:port`."""
        return f"{self.host.address}:{self.host.port}"


def targets(
    opened: Opened,
    profile: DeliveryProfile,
    *,
    own_listeners: tuple[str, ...],
    not_found: Callable[[Reply], None],
    exchangers: Callable[[Sequence[Host]], None] = lambda _hosts: None,
) -> Iterator[Target]:
    """Yield the hosts of a next hop in the order in which they are to be tried.

    `exchangers` hears of all MX hosts of a recipient domain before the first one is yielded.

    `not_found` hears of each smart host that has no address now, and of each MX host that a published policy
    forbids to dial. Raises `DestinationFailed` when a recipient domain has no host.
    """
    finder = _finder(opened, profile, own_listeners=own_listeners)
    if profile.delivery == Delivery.MX:
        yield from _exchangers(opened, profile, finder, refused=not_found, all_found=exchangers)
        return
    for smart_host in destinations.rotated(profile.smart_hosts):
        try:
            for host in finder.hosts_for_smart_host(smart_host):
                yield Target(host=host, tls_name=smart_host)
        except destinations.DestinationFailed as failed:
            # The next smart host may be found where this one is not.
            not_found(failed.reply)


def _exchangers(
    opened: Opened,
    profile: DeliveryProfile,
    finder: destinations.Destinations,
    *,
    refused: Callable[[Reply], None],
    all_found: Callable[[Sequence[Host]], None],
) -> Iterator[Target]:
    domain = opened.next_hop_domain
    policies = _published_policies(opened, profile, finder)
    hosts = finder.hosts_for_domain(domain)
    all_found(hosts)
    for host in hosts:
        try:
            published = policies.for_host(host)
        except HostRefused as failed:
            refused(failed.reply)
        else:
            yield Target(host=host, tls_name=domain, published=published)


def _published_policies(
    opened: Opened, profile: DeliveryProfile, finder: destinations.Destinations
) -> PublishedPolicies:
    return PublishedPolicies(
        domain=opened.next_hop_domain,
        dns_servers=finder.dns_servers,
        dane=profile.dane,
        validating=finder.validating,
        mta_sts=profile.mta_sts,
        policy_host=PolicyHost(port=settings.TESTING_MTA_STS_PORT, ca_file=settings.TESTING_CA_FILE or None),
        store=PolicyStore(settings.DATA_DIR / "mta-sts"),
        address_rule=destinations.AddressRule.allowing(opened.server.allowed_mx_networks),
        now=timezone.now(),
    )


def _finder(
    opened: Opened, profile: DeliveryProfile, *, own_listeners: tuple[str, ...]
) -> destinations.Destinations:
    server = opened.server
    listed = tuple(server.external_dns_servers if profile.use_external_dns else server.internal_dns_servers)
    rule = destinations.AddressRule.allowing(server.allowed_mx_networks) if profile.internet else None
    validators = destinations.validators(listed, marked=server.validating_dns_servers) if profile.dane else ()
    return destinations.Destinations(
        # With DANE, validators are asked and nobody else: one that is silent must not open a way around it.
        dns_servers=validators or listed,
        validating=bool(validators),
        own_names=frozenset(filter(None, (server.fqdn, profile.fqdn))),
        own_listeners=own_listeners,
        port=profile.port,
        address_rule=rule,
        by_name=profile.dane or profile.mta_sts,
        ip_family=_ip_family(profile),
    )


def _ip_family(profile: DeliveryProfile) -> IpFamily:
    """A connection from one address reaches addresses of its own family only."""
    if not profile.source_ip_address:
        return profile.ip_family
    return IpFamily.IPV6_ONLY if ":" in profile.source_ip_address else IpFamily.IPV4_ONLY


def client(
    opened: Opened,
    profile: DeliveryProfile,
    *,
    login: Login | None,
    log: SessionLog | None,
    pipelining: bool = True,
) -> Client:
    """Return a client that speaks the way the connector says."""
    return Client(
        ehlo_name=profile.fqdn or opened.server.fqdn,
        force_helo=profile.force_helo,
        source_address=profile.source_ip_address,
        certificate=_certificate(profile),
        tls_policy=profile.tls,
        login=login,
        timeouts=_timeouts(profile),
        log=log,
        pipelining=pipelining,
        ca_file=settings.TESTING_CA_FILE or None,
    )


def _certificate(profile: DeliveryProfile) -> Callable[[], StoredCertificate] | None:
    name = profile.tls_certificate_name
    if not name:
        return None
    return lambda: client_certificates.find(settings.CERTIFICATES_DIR, name, now=timezone.now())


def _timeouts(profile: DeliveryProfile) -> Timeouts:
    """The connector's time-outs, none longer than the connector lets a connection be idle."""
    usual, idle = profile.timeouts, profile.inactivity_timeout
    return replace(
        usual,
        mail=min(usual.mail, idle),
        rcpt=min(usual.rcpt, idle),
        data=min(usual.data, idle),
        block=min(usual.block, idle),
        dot=min(usual.dot, idle),
    )


def tls_line(client: Client) -> str:
    """The facts of the connection's TLS for the record, empty in the clear."""
    facts = client.tls
    if facts is None:
        return client.tls_note
    checked = "verified" if facts.verified else "not verified"
    # The host writes its subject: it stands last, where it can neither hide nor fake the rest.
    return f"{facts.version} {facts.cipher}, certificate {checked}: {facts.subject or 'no subject'}"
