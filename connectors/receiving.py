"""What a receive connector says, as it is set and as the listener obeys it (exchange.md 10.1)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from connectors.ranges import AddressRange, Binding, plain

KIB = 1024
MIB = 1024 * KIB
DEFAULT_MAX_MESSAGE_BYTES = 36 * MIB
DEFAULT_MAX_HEADER_BYTES = 256 * KIB


class ReceiveUsage(StrEnum):
    """The type of a receive connector: it decides the defaults when one is made."""

    CUSTOM = "Custom"
    INTERNET = "Internet"
    INTERNAL = "Internal"
    CLIENT = "Client"
    PARTNER = "Partner"


class Mechanism(StrEnum):
    """AuthMechanism; the values are Exchange's. Integrated and ExchangeServer need Active Directory."""

    TLS = "Tls"
    BASIC = "BasicAuth"
    BASIC_REQUIRE_TLS = "BasicAuthRequireTLS"
    EXTERNAL = "ExternalAuthoritative"


class PermissionGroup(StrEnum):
    """PermissionGroups; the values are Exchange's."""

    ANONYMOUS = "AnonymousUsers"
    """May submit to accepted domains."""
    USERS = "ExchangeUsers"
    """Who signed in may submit to any recipient, from the senders of the application password."""
    SERVERS = "ExchangeServers"
    """With ExternalAuthoritative: every client counts as one of our servers."""
    PARTNERS = "Partners"
    """As AnonymousUsers, but only under TLS: there is no partner without it."""


class RateSource(StrEnum):
    """MessageRateSource: what MessageRateLimit counts by."""

    NONE = "None"
    ADDRESS = "IPAddress"
    USER = "User"
    ALL = "All"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiveLimits:
    """How much one client may ask; None is unlimited."""

    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES
    max_hop_count: int = 30
    """`Received` fields a message may come with."""
    max_recipients: int = 200
    max_connections: int | None = 5000
    max_connections_per_source: int | None = 20
    max_connections_percent_per_source: int = 2
    """Of the connections that are still free."""
    message_rate: int | None = None
    """Messages a minute, for each of `message_rate_source`."""
    message_rate_source: RateSource = RateSource.ADDRESS
    max_protocol_errors: int | None = 5
    max_logon_failures: int = 3
    connection_inactivity_timeout: timedelta = timedelta(minutes=5)
    connection_timeout: timedelta = timedelta(minutes=10)
    tarpit_interval: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiveSettings:
    """Every setting of a receive connector."""

    name: str
    server: str
    """The transport server that listens."""
    usage: ReceiveUsage = ReceiveUsage.CUSTOM
    enabled: bool = True
    comment: str = ""
    bindings: tuple[Binding, ...] = ()
    remote_ranges: tuple[AddressRange, ...] = ()
    fqdn: str = ""
    """Name in banner, EHLO and Received; empty: the server's own FQDN."""
    banner: str = ""
    """The whole greeting, beginning with 220; empty: the usual one."""
    auth: frozenset[Mechanism] = frozenset()
    """Empty is None."""
    permissions: frozenset[PermissionGroup] = frozenset()
    anonymous_relay: bool = False
    """Anonymous clients may send to any recipient: Exchange's right ms-Exch-SMTP-Accept-Any-Recipient."""
    require_tls: bool = False
    certificate: str = ""
    """TlsCertificateName: a file in the certificates folder without `.pem`; empty: the one of the FQDN."""
    protocol_logging: bool = False
    limits: ReceiveLimits = ReceiveLimits()

    @property
    def relays(self) -> bool:
        """Whether a client that did not sign in may send to any recipient."""
        return self.anonymous_relay or Mechanism.EXTERNAL in self.auth


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiveProfile:
    """One enabled receive connector, as the listener sees it."""

    connector_id: int
    settings: ReceiveSettings
    version: int = 1


def chosen(profiles: tuple[ReceiveProfile, ...], *, local: Binding, client: str) -> ReceiveProfile | None:
    """Give the connector that serves a client on a local address: the most specific remote range wins.

    `local` is the address that the client reached, not the binding. None: no connector wants the client.
    """
    address = plain(client)
    if address is None:
        return None
    fitting = [
        (one.size, not binding.is_wildcard, profile.connector_id, profile)
        for profile in profiles
        for binding in profile.settings.bindings
        if binding.covers(local)
        for one in profile.settings.remote_ranges
        if one.contains(address)
    ]
    return min(fitting, key=lambda found: (found[0], not found[1], found[2]))[3] if fitting else None
