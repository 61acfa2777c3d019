"""What the engine learns of a connector: frozen values, no tables, no secrets in their text form."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Delivery(StrEnum):
    """How the next hop is found."""

    MX = "mx"
    SMART_HOST = "smart_host"


class SmartHostAuth(StrEnum):
    """SmartHostAuthMechanism of New-SendConnector; the values are Exchange's.

    ExchangeServer (GSSAPI) is not offered: there is no Active Directory here.
    """

    NONE = "None"
    BASIC = "BasicAuth"
    BASIC_REQUIRE_TLS = "BasicAuthRequireTLS"
    EXTERNAL = "ExternalAuthoritative"


class TlsAuthLevel(StrEnum):
    """TlsAuthLevel of New-SendConnector."""

    ENCRYPTION_ONLY = "EncryptionOnly"
    CERTIFICATE_VALIDATION = "CertificateValidation"
    DOMAIN_VALIDATION = "DomainValidation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """User name and password for a smart host; the password never shows in a repr."""

    username: str
    password: str = field(repr=False)


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
    auth: SmartHostAuth = SmartHostAuth.NONE
    credentials: Credentials | None = None
    tls: TlsPolicy = TlsPolicy()
    messages_per_connection: int = 20
    inactivity_timeout: timedelta = timedelta(minutes=10)
    protocol_logging: bool = False
    max_message_bytes: int | None = None
    """None means unlimited."""
    version: int = 1
    """The configuration version of the connector that this profile was read from."""
