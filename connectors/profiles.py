"""What the engine learns of a connector: frozen values, no tables, no secrets in their text form."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum


class Delivery(StrEnum):
    """How the next hop is found."""

    MX = "mx"
    SMART_HOST = "smart_host"


class SmartHostAuth(StrEnum):
    """SmartHostAuthMechanism of New-SendConnector; the values are Exchange's, but for XOAUTH2.

    ExchangeServer (GSSAPI) is not offered: there is no Active Directory here.
    """

    NONE = "None"
    BASIC = "BasicAuth"
    BASIC_REQUIRE_TLS = "BasicAuthRequireTLS"
    EXTERNAL = "ExternalAuthoritative"
    XOAUTH2 = "XOAUTH2"
    """A token of the provider instead of a password, and only after STARTTLS; Exchange has no such value."""


class IpFamily(StrEnum):
    """Which addresses of a next hop are dialled, and which first; Exchange has no such setting."""

    ANY = "Any"
    IPV4_ONLY = "IPv4Only"
    IPV6_ONLY = "IPv6Only"
    PREFER_IPV4 = "PreferIPv4"
    PREFER_IPV6 = "PreferIPv6"


ONE_FAMILY = {IpFamily.IPV4_ONLY: 4, IpFamily.IPV6_ONLY: 6}
"""Those that never dial the other family, with the version of their own."""


class TlsAuthLevel(StrEnum):
    """TlsAuthLevel of New-SendConnector."""

    ENCRYPTION_ONLY = "EncryptionOnly"
    CERTIFICATE_VALIDATION = "CertificateValidation"
    DOMAIN_VALIDATION = "DomainValidation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """User name and password for a smart host; the password never shows in a repr.

    Under XOAUTH2 the mailbox that sends, and the secret of the OAuth client.
    """

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuthClient:
    """Where a token for XOAUTH2 comes from: the client credentials grant (RFC 6749 section 4.4)."""

    token_url: str
    """https."""
    client_id: str
    scope: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Real deadlines, not idle times: a trickle of bytes extends none of them.

    RFC 5321 section 4.5.3.2 gives the least values for banner, MAIL, RCPT, DATA, block and dot.
    """

    connect: timedelta = timedelta(seconds=30)
    banner: timedelta = timedelta(minutes=5)
    ehlo: timedelta = timedelta(minutes=5)
    starttls: timedelta = timedelta(minutes=5)
    """For the answer to STARTTLS, and again for the handshake."""
    auth: timedelta = timedelta(minutes=5)
    mail: timedelta = timedelta(minutes=5)
    rcpt: timedelta = timedelta(minutes=5)
    data: timedelta = timedelta(minutes=2)
    block: timedelta = timedelta(minutes=3)
    """For the host to take one block (64 KiB) of content."""
    dot: timedelta = timedelta(minutes=10)
    quit: timedelta = timedelta(seconds=5)
    session: timedelta = timedelta(hours=1)
    """From dialling to the end of the last message; cuts every other one short."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsPolicy:
    """When STARTTLS is used and what the certificate must prove."""

    require: bool = False
    """RequireTLS: no mail goes on without STARTTLS."""
    ignore: bool = False
    """IgnoreSTARTTLS: never use it, even when it is offered."""
    auth_level: TlsAuthLevel | None = None
    domain: str = ""
    """TlsDomain: the A-label name the certificate must carry under DomainValidation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryProfile:
    """One send connector, as the attempt sees it."""

    connector_id: int
    name: str
    delivery: Delivery
    internet: bool = False
    """Usage Internet: the DNS of strangers says whom it dials."""
    smart_hosts: tuple[str, ...] = ()
    """FQDNs (A-label form) or IP addresses, in the administrator's order."""
    use_external_dns: bool = False
    port: int = 25
    mta_sts: bool = False
    """MX delivery obeys the MTA-STS policies of recipient domains (RFC 8461)."""
    dane: bool = False
    """MX delivery obeys TLSA records that DNSSEC proves (RFC 7672)."""
    fqdn: str = ""
    """Name for EHLO; empty means the server's own FQDN."""
    force_helo: bool = False
    """ForceHELO: never say EHLO."""
    source_ip_address: str = ""
    """SourceIPAddress: the address of this machine that connections leave from; empty means any."""
    ip_family: IpFamily = IpFamily.ANY
    auth: SmartHostAuth = SmartHostAuth.NONE
    credentials: Credentials | None = None
    oauth: OAuthClient | None = None
    """Under XOAUTH2."""
    tls: TlsPolicy = TlsPolicy()
    tls_certificate_name: str = ""
    """TlsCertificateName: the client certificate, `<I>issuer<S>subject` or the name of its file."""
    messages_per_connection: int = 1000
    """A new connection to a far host costs four round trips. A host that wants fewer messages says 421, and
    is then dialled again."""
    max_connections: int | None = None
    """To one next hop; None means as many as the server allows."""
    messages_per_second: Decimal | None = None
    """None means unlimited."""
    messages_per_day: int | None = None
    """None means unlimited."""
    inactivity_timeout: timedelta = timedelta(minutes=10)
    timeouts: Timeouts = Timeouts()
    protocol_logging: bool = False
    max_message_bytes: int | None = None
    """None means unlimited."""
    version: int = 1
    """The configuration version of the connector that this profile was read from."""
