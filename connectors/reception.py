"""How mail comes in at one server: the connectors, accepted domains and logins as they are now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connectors.accepted_domains import AcceptedDomain, AcceptedDomains, DomainType
from connectors.address_spaces import EVERY_DOMAIN, SMTP, AddressSpace
from connectors.application_passwords import Login, Logins
from connectors.models import AcceptedDomain as AcceptedDomainRow
from connectors.models import AddressSpaceRow, ApplicationPassword, Configuration, ReceiveConnector
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import (
    Mechanism,
    PermissionGroup,
    RateSource,
    ReceiveLimits,
    ReceiveProfile,
    ReceiveSettings,
    ReceiveUsage,
)

Key = tuple[int, UUID | None, UUID | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """Everything a listener needs, as of one state of the configuration."""

    profiles: tuple[ReceiveProfile, ...]
    """Enabled connectors of the server."""
    domains: AcceptedDomains
    logins: Logins


def key() -> Key:
    """Tell which state the configuration is in: one small query."""
    row = Configuration.objects.values_list("generation", "stamp", "reception_stamp").first()
    return row or (0, None, None)


def read(server: str) -> tuple[Key, Reception]:
    """Read the reception of a server, with the state that it was read in."""
    while True:
        before = key()
        reception = Reception(
            profiles=tuple(profiles_of(server)), domains=_domains(), logins=Logins(_logins())
        )
        if key() == before:
            return before, reception


def default_domain() -> str:
    """Give the default accepted domain, whose postmaster speaks for this organization; empty without one."""
    row = AcceptedDomainRow.objects.filter(default=True).values_list("pattern", flat=True).first()
    return row or ""


def note_use(used: Mapping[int, datetime]) -> None:
    """Keep when logins were last used."""
    for login_id, at in used.items():
        ApplicationPassword.objects.filter(pk=login_id).update(last_used_at=at)


def profiles_of(server: str) -> Iterable[ReceiveProfile]:
    """Give the enabled connectors of a server."""
    rows = ReceiveConnector.objects.filter(server_name=server, enabled=True).by_name()
    return [
        ReceiveProfile(connector_id=row.pk, settings=settings_of(row), version=row.version) for row in rows
    ]


def settings_of(row: ReceiveConnector) -> ReceiveSettings:
    """Give the settings of a stored connector."""
    return ReceiveSettings(
        name=row.name,
        server=row.server_name,
        usage=ReceiveUsage(row.usage),
        enabled=row.enabled,
        comment=row.comment,
        bindings=tuple(map(parse_binding, row.bindings)),
        remote_ranges=tuple(map(parse_range, row.remote_ranges)),
        fqdn=row.fqdn,
        banner=row.banner,
        auth=frozenset(map(Mechanism, row.auth)),
        permissions=frozenset(map(PermissionGroup, row.permissions)),
        anonymous_relay=row.anonymous_relay,
        require_tls=row.require_tls,
        certificate=row.certificate,
        protocol_logging=row.protocol_logging,
        limits=ReceiveLimits(
            max_message_bytes=row.max_message_bytes,
            max_header_bytes=row.max_header_bytes,
            max_hop_count=row.max_hop_count,
            max_recipients=row.max_recipients,
            max_connections=row.max_connections,
            max_connections_per_source=row.max_connections_per_source,
            max_connections_percent_per_source=row.max_connections_percent_per_source,
            message_rate=row.message_rate,
            message_rate_source=RateSource(row.message_rate_source),
            max_protocol_errors=row.max_protocol_errors,
            max_logon_failures=row.max_logon_failures,
            connection_inactivity_timeout=row.connection_inactivity_timeout,
            connection_timeout=row.connection_timeout,
            tarpit_interval=row.tarpit_interval,
        ),
    )


def _domains() -> AcceptedDomains:
    spaces = [
        row.space
        for row in AddressSpaceRow.objects.filter(type=SMTP, connector__enabled=True).exclude(
            pattern=EVERY_DOMAIN
        )
    ]
    return AcceptedDomains(domain_of(row, spaces=spaces) for row in AcceptedDomainRow.objects.all())


def domain_of(row: AcceptedDomainRow, *, spaces: Iterable[AddressSpace]) -> AcceptedDomain:
    """Give an accepted domain; `spaces` are those of enabled send connectors other than `*`."""
    kind = DomainType(row.type)
    routable = kind is not DomainType.AUTHORITATIVE or _is_carried(row.pattern, spaces)
    return AcceptedDomain(
        name=row.name, pattern=row.pattern, type=kind, default=row.default, routable=routable
    )


def _is_carried(pattern: str, spaces: Iterable[AddressSpace]) -> bool:
    """Tell whether every domain of a pattern lies in one of the spaces."""
    if not pattern.startswith("*."):
        return any(space.matches(pattern) for space in spaces)
    return any(space.pattern.startswith("*.") and space.matches(pattern[2:]) for space in spaces)


def _logins() -> Iterable[Login]:
    return [
        Login(
            login_id=row.pk,
            user_name=row.user_name,
            digest=row.digest,
            senders=tuple(row.senders),
            expires_at=row.expires_at,
        )
        for row in ApplicationPassword.objects.filter(enabled=True)
    ]
