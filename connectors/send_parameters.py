"""The settings of a send connector under the names of their parameters (exchange.md 1.2)."""

from collections.abc import Callable
from typing import Any

from connectors.commands import CREDENTIAL, Change, Secret, Settings, compared, limit, made, size, spelled
from connectors.profiles import Delivery
from connectors.specs import SECRET, ConnectorSpec, default_max_message_bytes

FIXED = frozenset({"Usage"})
"""Set once, when a connector is made."""
_TIMEOUTS = {
    "ConnectTimeOut": "connect",
    "BannerTimeOut": "banner",
    "EhloTimeOut": "ehlo",
    "StartTlsTimeOut": "starttls",
    "AuthTimeOut": "auth",
    "MailTimeOut": "mail",
    "RcptTimeOut": "rcpt",
    "DataTimeOut": "data",
    "BlockTimeOut": "block",
    "FinalDotTimeOut": "dot",
    "QuitTimeOut": "quit",
    "SessionTimeOut": "session",
}
_READ: dict[str, Callable[[ConnectorSpec], Any]] = {
    "Name": lambda spec: spec.name,
    "Usage": lambda spec: spec.usage,
    "Enabled": lambda spec: spec.enabled,
    "Comment": lambda spec: spec.comment,
    "AddressSpaces": lambda spec: spec.address_spaces,
    "DNSRoutingEnabled": lambda spec: spec.delivery is Delivery.MX,
    "SmartHosts": lambda spec: spec.smart_hosts,
    "SmartHostAuthMechanism": lambda spec: spec.auth,
    "UserName": lambda spec: spec.username,
    CREDENTIAL: lambda spec: Secret(spec.sealed_password),
    "OAuthTokenUrl": lambda spec: spec.oauth_token_url,
    "OAuthClientId": lambda spec: spec.oauth_client_id,
    "OAuthScope": lambda spec: spec.oauth_scope,
    "UseExternalDNSServersEnabled": lambda spec: spec.use_external_dns,
    "IsScopedConnector": lambda spec: spec.scoped,
    "SourceTransportServers": lambda spec: spec.source_servers,
    "Fqdn": lambda spec: spec.fqdn,
    "ForceHELO": lambda spec: spec.force_helo,
    "SourceIPAddress": lambda spec: spec.source_ip_address or "0.0.0.0",  # noqa: S104 - Exchange's word for any
    "IpFamily": lambda spec: spec.ip_family,
    "Port": lambda spec: spec.port,
    "MaxMessageSize": lambda spec: size(spec.max_message_bytes),
    "ProtocolLoggingLevel": lambda spec: "Verbose" if spec.protocol_logging else "None",
    "RequireTLS": lambda spec: spec.require_tls,
    "IgnoreSTARTTLS": lambda spec: spec.ignore_starttls,
    "TlsAuthLevel": lambda spec: spec.tls_auth_level,
    "TlsDomain": lambda spec: spec.tls_domain,
    "TlsCertificateName": lambda spec: spec.tls_certificate_name,
    "MtaStsEnabled": lambda spec: spec.mta_sts,
    "DaneEnabled": lambda spec: spec.dane,
    "SmtpMaxMessagesPerConnection": lambda spec: spec.messages_per_connection,
    "MaxConnectionsPerNextHop": lambda spec: limit(spec.max_connections),
    "MaxMessagesPerSecond": lambda spec: limit(spec.messages_per_second),
    "MaxMessagesPerDay": lambda spec: limit(spec.messages_per_day),
    "ConnectionInactivityTimeOut": lambda spec: spec.inactivity_timeout,
}


def settings_of(spec: ConnectorSpec) -> Settings:
    """Give every setting."""
    own = {name: read(spec) for name, read in _READ.items()}
    own |= {name: getattr(spec.timeouts, stage) for name, stage in _TIMEOUTS.items()}
    return {name: value if isinstance(value, Secret) else spelled(value) for name, value in own.items()}


def blank(spec: ConnectorSpec) -> Settings:
    """Give the settings of a new connector of the same type that nothing else was said about."""
    most = default_max_message_bytes(spec.usage)
    usual = settings_of(ConnectorSpec(name="", usage=spec.usage, max_message_bytes=most))
    return {**usual, "Usage": ConnectorSpec(name="").usage.value}


def to_make(spec: ConnectorSpec) -> tuple[Change, ...]:
    """Give the parameters of New-SendConnector that make this connector."""
    return made(blank(spec), settings_of(spec))


def difference(
    old: ConnectorSpec, new: ConnectorSpec, *, password_changed: bool = False
) -> tuple[Change, ...]:
    """Give what differs between two versions, which hold no passwords."""
    found = compared(settings_of(old), settings_of(new))
    if not password_changed:
        return found
    word = "changed" if new.auth in SECRET else "removed"
    return (*found, Change(name=CREDENTIAL, new=word, secret=True))
