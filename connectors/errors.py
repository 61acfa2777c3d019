"""What can be wrong with a connector or a DKIM key, as sentences for administrators.

ConnectorError
├── InvalidValue            one value of one field (validators, address_spaces)
│   └── InvalidAddressSpace
├── CannotUnseal            a stored secret that no configured key opens (credentials)
├── UnusableKey             a DKIM key that cannot sign right now (signers)
├── UnusableConnector       a connector that mail cannot take right now (routing)
├── InvalidSettings         everything wrong with what an administrator set (here)
│   └── InvalidConnector    of a send connector (connector_checks)
├── Missing                 what is to be changed or removed is not there any more (here)
│   ├── NoSuchConnector     a send connector (services)
│   ├── NoSuchVersion       a version of its history (services)
│   └── NoSuchDkimKey       (dkim_keys)
└── Conflict                somebody else saved it first (here)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

LABELS = {
    "name": "Name",
    "usage": "Type",
    "comment": "Comment",
    "reason": "Reason",
    "delivery": "Network settings",
    "smart_hosts": "Smart host",
    "auth": "Smart host authentication",
    "username": "User name",
    "sealed_password": "Password",
    "address_spaces": "Address space",
    "cost": "Cost",
    "source_servers": "Source server",
    "fqdn": "FQDN",
    "port": "Port",
    "max_message_bytes": "Maximum message size",
    "require_tls": "RequireTLS",
    "ignore_starttls": "IgnoreSTARTTLS",
    "tls_auth_level": "TlsAuthLevel",
    "tls_domain": "TlsDomain",
    "mta_sts": "MtaStsEnabled",
    "dane": "DaneEnabled",
    "force_helo": "ForceHELO",
    "source_ip_address": "SourceIPAddress",
    "ip_family": "IP family",
    "tls_certificate_name": "TlsCertificateName",
    "oauth_token_url": "OAuth token URL",
    "oauth_client_id": "OAuth client ID",
    "oauth_scope": "OAuth scope",
    "messages_per_connection": "Messages per connection",
    "max_connections": "Connections per next hop",
    "messages_per_second": "Messages per second",
    "messages_per_day": "Messages per day",
    "connect_timeout": "Time-out of the connection",
    "banner_timeout": "Time-out of the banner",
    "ehlo_timeout": "Time-out of EHLO",
    "starttls_timeout": "Time-out of STARTTLS",
    "auth_timeout": "Time-out of AUTH",
    "mail_timeout": "Time-out of MAIL",
    "rcpt_timeout": "Time-out of RCPT",
    "data_timeout": "Time-out of DATA",
    "block_timeout": "Time-out of a block of content",
    "dot_timeout": "Time-out of the final dot",
    "quit_timeout": "Time-out of QUIT",
    "session_timeout": "Time-out of the whole session",
    "selector": "Selector",
    "size_bits": "Key size",
    "private_key": "Private key",
    "inactivity_timeout": "Connection inactivity time-out",
    "bindings": "Bindings",
    "remote_ranges": "RemoteIPRanges",
    "banner": "Banner",
    "permissions": "PermissionGroups",
    "anonymous_relay": "AnonymousRelay",
    "certificate": "TlsCertificateName",
    "max_header_bytes": "Maximum header size",
    "max_hop_count": "Maximum hop count",
    "max_recipients": "Maximum recipients per message",
    "max_connections_per_source": "Maximum inbound connections per source",
    "max_connections_percent_per_source": "Percentage of inbound connections per source",
    "message_rate": "Message rate limit",
    "message_rate_source": "Message rate source",
    "max_protocol_errors": "Maximum protocol errors",
    "max_logon_failures": "Maximum logon failures",
    "connection_inactivity_timeout": "Connection inactivity time-out",
    "connection_timeout": "Connection time-out",
    "tarpit_interval": "Tarpit interval",
    "domain": "DomainName",
    "user_name": "UserName",
    "senders": "Senders",
}
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused value."""

    field: str
    """Attribute of `ConnectorSpec` (or `cost`), for forms to find the place."""
    value: str
    """What was given, cleaned and cut; empty when nothing was, or when it is a secret."""
    rule: str
    """The rule that refuses it: lower case start, no full stop."""
    label: str = ""
    """What the field is called where LABELS has the words of another object for it."""

    def __str__(self) -> str:
        label = self.label or LABELS.get(self.field, self.field)
        return f"{label} {self.value}: {self.rule}." if self.value else f"{label}: {self.rule}."


class ConnectorError(Exception):
    """Base of all errors of this package."""


class InvalidValue(ConnectorError, ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """One value that its field refuses."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        self.problem = Problem(field, shown(value), rule)
        super().__init__(str(self.problem))


class InvalidSettings(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """What an administrator set is refused; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(str(problem) for problem in self.problems))


class Missing(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """It was removed, or never was."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This {what} does not exist any more.")


class Conflict(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """Somebody else saved it after it was read."""

    def __init__(self, name: str, *, by: str, at: datetime, version: int) -> None:
        super().__init__(
            f"{name} was changed by {by or 'somebody'} at {at:%Y-%m-%d %H:%M:%S %Z} "
            f"while you were editing it (version {version}). Nothing was saved: look at it first."
        )


def shown(value: object) -> str:
    """Clean a value from outside so that it may stand in a sentence: one line, printable, bounded."""
    text = str(value)
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in cut)
