"""The settings of a receive connector as parameters, in Exchange's names (exchange.md 10.1)."""

from datetime import timedelta
from typing import Any

from admincenter.shell.cmdlets.connector_parameters import LoggingLevel
from admincenter.shell.parameters import (
    CHANGE,
    FLAG,
    SWITCH,
    TEXT,
    Parameter,
    integer,
    one_of,
    or_unlimited,
    size_in_bytes,
    some_of,
    time_span,
)
from connectors.receive_rules import LIMIT_RANGES, MAX_TARPIT
from connectors.receiving import Mechanism, PermissionGroup, RateSource, ReceiveUsage
from connectors.validators import MAX_TIMEOUT, MIN_TIMEOUT

NONE = "None"


def _number(field: str) -> Any:
    lowest, highest = LIMIT_RANGES[field]
    return integer(lowest=lowest, highest=highest)


def _size(field: str) -> Any:
    lowest, highest = LIMIT_RANGES[field]
    return size_in_bytes(lowest=lowest, highest=highest)


def _span(lowest: timedelta = MIN_TIMEOUT, highest: timedelta = MAX_TIMEOUT) -> Any:
    return time_span(lowest=lowest, highest=highest)


NAME = Parameter(
    name="Name", kind=TEXT, position=0, required=True, help="The name; no two of a server share one."
)
NEW_NAME = Parameter(name="Name", kind=TEXT, help="A new name.")
SERVER = Parameter(name="Server", kind=TEXT, help="The transport server that listens. Default: this one.")
USAGE = Parameter(
    name="Usage",
    kind=one_of(ReceiveUsage),
    help="The type decides the default mechanisms and permission groups. Default: Custom, which has none.",
)
USAGES = {
    usage: Parameter(name=usage.value, kind=SWITCH, help=f"The same as -Usage {usage.value}.")
    for usage in ReceiveUsage
}
BINDINGS = Parameter(
    name="Bindings",
    kind=CHANGE,
    help="Local addresses with port: 0.0.0.0:25, [::]:587; with implicit TLS 0.0.0.0:465/tls.",
)
REMOTE_RANGES = Parameter(
    name="RemoteIPRanges",
    kind=CHANGE,
    help="Whom it serves: addresses, networks as in 10.0.0.0/8, or first-last. The most specific range of"
    " all connectors on a binding wins.",
)
AUTH = Parameter(
    name="AuthMechanism",
    kind=some_of((NONE, *(one.value for one in Mechanism))),
    help="Tls offers STARTTLS; BasicAuth lets application passwords sign in, with BasicAuthRequireTLS only"
    " after TLS; ExternalAuthoritative trusts every client in RemoteIPRanges. None stands alone.",
)
PERMISSIONS = Parameter(
    name="PermissionGroups",
    kind=some_of((NONE, *(one.value for one in PermissionGroup))),
    help="AnonymousUsers send to accepted domains; ExchangeUsers sign in and send anywhere; Partners are"
    " AnonymousUsers under TLS; ExchangeServers go with ExternalAuthoritative.",
)
LOGGING = Parameter(
    name="ProtocolLoggingLevel", kind=one_of(LoggingLevel), help="Verbose records each SMTP dialogue."
)
PLAIN: tuple[tuple[Parameter[Any], str], ...] = (
    (Parameter(name="Enabled", kind=FLAG, help="Whether it listens. Default: $true."), "enabled"),
    (Parameter(name="Comment", kind=TEXT, help="Free text."), "comment"),
    (
        Parameter(
            name="Fqdn",
            kind=TEXT,
            help="Name in banner, EHLO and Received, and of the certificate. Default: the server's.",
        ),
        "fqdn",
    ),
    (Parameter(name="Banner", kind=TEXT, help='The whole greeting, as in "220 mail.contoso.com".'), "banner"),
    (
        Parameter(
            name="AnonymousRelay",
            kind=FLAG,
            help="AnonymousUsers may send to any recipient: the right ms-Exch-SMTP-Accept-Any-Recipient."
            " Never for every address.",
        ),
        "anonymous_relay",
    ),
    (Parameter(name="RequireTLS", kind=FLAG, help="Take no mail without TLS."), "require_tls"),
    (
        Parameter(
            name="TlsCertificateName",
            kind=TEXT,
            help="The certificate: a .pem file in the folder certificates, without .pem. Default: the"
            " one of the Fqdn, else of the server.",
        ),
        "certificate",
    ),
)
"""Parameters that are one field each."""
LIMITS: tuple[tuple[Parameter[Any], str], ...] = (
    (
        Parameter(name="MaxMessageSize", kind=_size("max_message_bytes"), help="Default: 36MB."),
        "max_message_bytes",
    ),
    (
        Parameter(name="MaxHeaderSize", kind=_size("max_header_bytes"), help="Default: 256KB."),
        "max_header_bytes",
    ),
    (
        Parameter(
            name="MaxHopCount", kind=_number("max_hop_count"), help="Received lines at most. Default: 30."
        ),
        "max_hop_count",
    ),
    (
        Parameter(
            name="MaxRecipientsPerMessage",
            kind=_number("max_recipients"),
            help="More are asked to come in another message. Default: 200.",
        ),
        "max_recipients",
    ),
    (
        Parameter(
            name="MaxInboundConnection",
            kind=or_unlimited(_number("max_connections")),
            help="Connections at once. Default: 5000.",
        ),
        "max_connections",
    ),
    (
        Parameter(
            name="MaxInboundConnectionPerSource",
            kind=or_unlimited(_number("max_connections_per_source")),
            help="Connections of one address. Default: 20.",
        ),
        "max_connections_per_source",
    ),
    (
        Parameter(
            name="MaxInboundConnectionPercentagePerSource",
            kind=_number("max_connections_percent_per_source"),
            help="The same in percent of the connections that are still free. Default: 2.",
        ),
        "max_connections_percent_per_source",
    ),
    (
        Parameter(
            name="MessageRateLimit",
            kind=or_unlimited(_number("message_rate")),
            help="Messages a minute, for each MessageRateSource. Default: unlimited.",
        ),
        "message_rate",
    ),
    (
        Parameter(
            name="MessageRateSource",
            kind=one_of(RateSource),
            help="Count by IPAddress, by User who signed in, or by both (All). Default: IPAddress.",
        ),
        "message_rate_source",
    ),
    (
        Parameter(
            name="MaxProtocolErrors",
            kind=or_unlimited(_number("max_protocol_errors")),
            help="The next error ends the session. Default: 5.",
        ),
        "max_protocol_errors",
    ),
    (
        Parameter(
            name="MaxLogonFailures",
            kind=_number("max_logon_failures"),
            help="The next failure ends the session; 0 is no limit. Default: 3.",
        ),
        "max_logon_failures",
    ),
    (
        Parameter(
            name="ConnectionInactivityTimeout",
            kind=_span(),
            help="A silent client is closed after this time. Default: 00:05:00.",
        ),
        "connection_inactivity_timeout",
    ),
    (
        Parameter(
            name="ConnectionTimeout",
            kind=_span(),
            help="Every connection is closed after this time. Default: 00:10:00.",
        ),
        "connection_timeout",
    ),
    (
        Parameter(
            name="TarpitInterval",
            kind=_span(timedelta(0), MAX_TARPIT),
            help="How late refusals come to clients that are not trusted. Default: 00:00:05.",
        ),
        "tarpit_interval",
    ),
)
SETTINGS: tuple[Parameter[Any], ...] = (
    BINDINGS,
    REMOTE_RANGES,
    AUTH,
    PERMISSIONS,
    *(parameter for parameter, _ in PLAIN),
    *(parameter for parameter, _ in LIMITS),
    LOGGING,
)
PLACES: dict[str, Parameter[Any]] = {field: parameter for parameter, field in (*PLAIN, *LIMITS)} | {
    "name": NAME,
    "server": SERVER,
    "bindings": BINDINGS,
    "remote_ranges": REMOTE_RANGES,
    "auth": AUTH,
    "permissions": PERMISSIONS,
}
