"""The settings of a receive connector under the names of their parameters (exchange.md 10.1)."""

from collections.abc import Callable
from typing import Any

from connectors.commands import Change, Settings, limit, made, size, spelled
from connectors.receiving import ReceiveLimits, ReceiveSettings

FIXED = frozenset({"Server", "Usage"})
"""What Set-ReceiveConnector cannot change."""
_READ: dict[str, Callable[[ReceiveSettings], Any]] = {
    "Name": lambda one: one.name,
    "Server": lambda one: one.server,
    "Usage": lambda one: one.usage,
    "Bindings": lambda one: one.bindings,
    "RemoteIPRanges": lambda one: one.remote_ranges,
    "AuthMechanism": lambda one: one.auth or ("None",),
    "PermissionGroups": lambda one: one.permissions or ("None",),
    "Enabled": lambda one: one.enabled,
    "Comment": lambda one: one.comment,
    "Fqdn": lambda one: one.fqdn,
    "Banner": lambda one: one.banner,
    "AnonymousRelay": lambda one: one.anonymous_relay,
    "RequireTLS": lambda one: one.require_tls,
    "TlsCertificateName": lambda one: one.certificate,
    "ProtocolLoggingLevel": lambda one: "Verbose" if one.protocol_logging else "None",
}
_LIMITS: dict[str, Callable[[ReceiveLimits], Any]] = {
    "MaxMessageSize": lambda one: size(one.max_message_bytes),
    "MaxHeaderSize": lambda one: size(one.max_header_bytes),
    "MaxHopCount": lambda one: one.max_hop_count,
    "MaxRecipientsPerMessage": lambda one: one.max_recipients,
    "MaxInboundConnection": lambda one: limit(one.max_connections),
    "MaxInboundConnectionPerSource": lambda one: limit(one.max_connections_per_source),
    "MaxInboundConnectionPercentagePerSource": lambda one: one.max_connections_percent_per_source,
    "MessageRateLimit": lambda one: limit(one.message_rate),
    "MessageRateSource": lambda one: one.message_rate_source,
    "MaxProtocolErrors": lambda one: limit(one.max_protocol_errors),
    "MaxLogonFailures": lambda one: one.max_logon_failures,
    "ConnectionInactivityTimeout": lambda one: one.connection_inactivity_timeout,
    "ConnectionTimeout": lambda one: one.connection_timeout,
    "TarpitInterval": lambda one: one.tarpit_interval,
}


def parameters_of(settings: ReceiveSettings) -> Settings:
    """Give every setting."""
    own = {name: spelled(read(settings)) for name, read in _READ.items()}
    return own | {name: spelled(read(settings.limits)) for name, read in _LIMITS.items()}


def blank() -> Settings:
    """Give those of a new connector that nothing was said about; what the type decides is always said."""
    return {
        **parameters_of(ReceiveSettings(name="", server="")),
        "AuthMechanism": None,
        "PermissionGroups": None,
    }


def to_make(settings: ReceiveSettings) -> tuple[Change, ...]:
    """Give the parameters of New-ReceiveConnector that make this connector."""
    return made(blank(), parameters_of(settings))
