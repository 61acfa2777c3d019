"""What an administrator asks of a send connector: the frozen form between screens, shell and services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from connectors.address_spaces import AddressSpace
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts, TlsAuthLevel

DEFAULT_MAX_MESSAGE_BYTES = 35 * 1024 * 1024
"""Microsoft's documents disagree (10, 25, 35 MB; exchange.md 1.4). We take the newest, 35 MB: Base64 makes it
about 25 MB of attachments, which is what people mean when they say 25."""
BASIC = (SmartHostAuth.BASIC, SmartHostAuth.BASIC_REQUIRE_TLS)
"""The mechanisms that send a user name and a password."""
SECRET = (*BASIC, SmartHostAuth.XOAUTH2)
"""The mechanisms that need a user name and a stored secret."""
AFTER_TLS = (SmartHostAuth.BASIC_REQUIRE_TLS, SmartHostAuth.XOAUTH2)
"""The mechanisms that send nothing before the host has proven who it is."""
DEFAULT_PORT = 25
DEFAULT_MESSAGES_PER_CONNECTION = 1000
"""Exchange documents none for send connectors. A new connection to a far host costs four round trips; a host
that wants fewer messages answers 421, and is then dialled again."""
DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_INACTIVITY_TIMEOUT = timedelta(minutes=10)


class Usage(StrEnum):
    """The type of a send connector: a label that is set once, when it is made."""

    CUSTOM = "Custom"
    INTERNAL = "Internal"
    INTERNET = "Internet"
    PARTNER = "Partner"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorSpec:
    """Every setting of a send connector, with Exchange's defaults (exchange.md 1.2)."""

    name: str
    usage: Usage = Usage.CUSTOM
    enabled: bool = True
    comment: str = ""
    delivery: Delivery = Delivery.MX
    smart_hosts: tuple[str, ...] = ()
    """FQDNs or IP addresses, in the order of the list."""
    use_external_dns: bool = False
    auth: SmartHostAuth = SmartHostAuth.NONE
    username: str = ""
    sealed_password: str = field(default="", repr=False)
    """From `credentials.seal` for this connector's guid; empty: none, or keep the stored one.

    Under XOAUTH2 it is the secret of the OAuth client."""
    oauth_token_url: str = ""
    oauth_client_id: str = ""
    oauth_scope: str = ""
    address_spaces: tuple[AddressSpace, ...] = ()
    scoped: bool = False
    source_servers: tuple[str, ...] = ()
    """Names of transport servers; whether they are registered is the caller's knowledge."""
    fqdn: str = ""
    """Name for EHLO; empty: the server's own FQDN."""
    force_helo: bool = False
    source_ip_address: str = ""
    """Empty: any, which Exchange writes as 0.0.0.0."""
    ip_family: IpFamily = IpFamily.ANY
    port: int = DEFAULT_PORT
    max_message_bytes: int | None = DEFAULT_MAX_MESSAGE_BYTES
    """None: unlimited. `default_max_message_bytes` gives the default of a type."""
    protocol_logging: bool = False
    """ProtocolLoggingLevel: True is Verbose."""
    require_tls: bool = False
    ignore_starttls: bool = False
    tls_auth_level: TlsAuthLevel | None = None
    tls_domain: str = ""
    tls_certificate_name: str = ""
    mta_sts: bool = False
    """Obey the MTA-STS policies of recipient domains; for MX delivery."""
    dane: bool = False
    """Obey TLSA records of MX hosts; for MX delivery, behind a validating DNS server."""
    messages_per_connection: int = DEFAULT_MESSAGES_PER_CONNECTION
    max_connections: int | None = None
    """To one next hop; None: as many as the server allows."""
    messages_per_second: Decimal | None = None
    """With one decimal; None: unlimited."""
    messages_per_day: int | None = None
    """None: unlimited."""
    inactivity_timeout: timedelta = DEFAULT_INACTIVITY_TIMEOUT
    timeouts: Timeouts = DEFAULT_TIMEOUTS


def default_max_message_bytes(usage: Usage) -> int | None:
    """Give the limit of a new connector: Internal unlimited, else 35 MB (exchange.md 1.4, 2016 and later)."""
    return None if usage is Usage.INTERNAL else DEFAULT_MAX_MESSAGE_BYTES


def ruled_out(usage: Usage) -> Mapping[Delivery, str]:
    """List what the wizard does not offer for a type, with the reason (exchange.md 1.6).

    Only the wizard: the edit dialog and the management shell have no such limit.
    """
    return _RULED_OUT.get(usage, MappingProxyType({}))


_RULED_OUT: Mapping[Usage, Mapping[Delivery, str]] = MappingProxyType(
    {
        Usage.INTERNAL: MappingProxyType(
            {
                Delivery.MX: "An Internal connector hands mail to servers of your own organization, "
                "which are named as smart hosts. You can switch to MX records later, in its settings.",
            }
        ),
        Usage.PARTNER: MappingProxyType(
            {
                Delivery.SMART_HOST: "A Partner connector delivers straight to the partner's domain, "
                "found by its MX records. You can switch to smart hosts later, in its settings.",
            }
        ),
    }
)
