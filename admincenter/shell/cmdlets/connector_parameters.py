"""The settings of a send connector as parameters, in Exchange's names (exchange.md 1.2)."""

from enum import StrEnum
from typing import Any

from admincenter.shell.cmdlets import connector_session_parameters
from admincenter.shell.cmdlets.connector_session_parameters import TIMEOUTS
from admincenter.shell.parameters import (
    CHANGE,
    FLAG,
    OBJECT,
    SIZE,
    SWITCH,
    TEXT,
    TIME_SPAN,
    Parameter,
    integer,
    one_of,
    or_nothing,
)
from connectors.profiles import SmartHostAuth, TlsAuthLevel
from connectors.rules import MAX_MESSAGES_PER_CONNECTION
from connectors.specs import Usage


class LoggingLevel(StrEnum):
    """ProtocolLoggingLevel."""

    NONE = "None"
    VERBOSE = "Verbose"


NAME = Parameter(
    name="Name", kind=TEXT, position=0, required=True, help="The name; no two connectors share one."
)
NEW_NAME = Parameter(name="Name", kind=TEXT, help="A new name.")
USAGE = Parameter(
    name="Usage",
    kind=one_of(Usage),
    help="The type: a label, set once. It decides the default MaxMessageSize. Default: Custom.",
)
USAGES = {
    usage: Parameter(name=usage.value, kind=SWITCH, help=f"The same as -Usage {usage.value}.")
    for usage in Usage
}
ADDRESS_SPACES = Parameter(
    name="AddressSpaces",
    kind=CHANGE,
    help='Domains it carries, each "Type:Domain;Cost" in quotes: "SMTP:*;1", "*.contoso.com;5".',
)
SMART_HOSTS = Parameter(
    name="SmartHosts", kind=CHANGE, help="Host names or IP addresses. They mean -DNSRoutingEnabled $false."
)
SOURCE_SERVERS = Parameter(
    name="SourceTransportServers",
    kind=CHANGE,
    help="Servers that send its mail. Default: all registered ones.",
)
DNS_ROUTING = Parameter(
    name="DNSRoutingEnabled",
    kind=FLAG,
    help="$true: by MX records (the default); $false: through the smart hosts.",
)
LOGGING = Parameter(
    name="ProtocolLoggingLevel", kind=one_of(LoggingLevel), help="Verbose records each SMTP dialogue."
)
CREDENTIAL = Parameter(
    name="AuthenticationCredential",
    kind=OBJECT,
    help="(Get-Credential) asks for the user name and password of the smart hosts on the terminal.",
)
USER_NAME = Parameter(
    name="UserName", kind=TEXT, help="User name for the smart hosts, where nobody can be asked."
)
PASSWORD = Parameter(
    name="Password",
    kind=TEXT,
    secret=True,
    help="The password for -UserName. Other users can see it in the list of processes: prefer -PasswordFile.",
)
PASSWORD_FILE = Parameter(
    name="PasswordFile", kind=TEXT, help="A file whose first line is the password for -UserName."
)
PLAIN: tuple[tuple[Parameter[Any], str], ...] = (
    (Parameter(name="Enabled", kind=FLAG, help="Whether routing uses it. Default: $true."), "enabled"),
    (Parameter(name="Comment", kind=TEXT, help="Free text."), "comment"),
    (
        Parameter(name="IsScopedConnector", kind=FLAG, help="Only servers of the same site use it."),
        "scoped",
    ),
    (
        Parameter(
            name="SmartHostAuthMechanism",
            kind=one_of(SmartHostAuth),
            help="How it signs in to the smart hosts. Both Basic values need a user name and a password;"
            " XOAUTH2 needs the mailbox as user name, the client secret as password, and -OAuth….",
        ),
        "auth",
    ),
    (
        Parameter(
            name="UseExternalDNSServersEnabled",
            kind=FLAG,
            help="Ask the server's external DNS servers instead of its internal ones.",
        ),
        "use_external_dns",
    ),
    (
        Parameter(
            name="Port", kind=integer(lowest=1, highest=65_535), help="Default: 25. For MX delivery too."
        ),
        "port",
    ),
    (Parameter(name="Fqdn", kind=TEXT, help="Name it gives in EHLO. Default: the server's own."), "fqdn"),
    (
        Parameter(
            name="MaxMessageSize", kind=SIZE, help="Default: 35MB; of an Internal connector unlimited."
        ),
        "max_message_bytes",
    ),
    (
        Parameter(
            name="ConnectionInactivityTimeOut",
            kind=TIME_SPAN,
            help="An idle connection is closed after this time. Default: 00:10:00.",
        ),
        "inactivity_timeout",
    ),
    (
        Parameter(
            name="SmtpMaxMessagesPerConnection",
            kind=integer(lowest=1, highest=MAX_MESSAGES_PER_CONNECTION),
            help="After so many messages a connection is closed. Default: 1000.",
        ),
        "messages_per_connection",
    ),
    (Parameter(name="RequireTLS", kind=FLAG, help="Never deliver without STARTTLS."), "require_tls"),
    (
        Parameter(name="IgnoreSTARTTLS", kind=FLAG, help="Never use STARTTLS, even when offered."),
        "ignore_starttls",
    ),
    (
        Parameter(
            name="TlsAuthLevel",
            kind=or_nothing(one_of(TlsAuthLevel)),
            help="What the certificate must prove. Needs RequireTLS. $null: nothing.",
        ),
        "tls_auth_level",
    ),
    (
        Parameter(
            name="TlsDomain",
            kind=TEXT,
            help="The name in the certificate, for TlsAuthLevel DomainValidation.",
        ),
        "tls_domain",
    ),
    (
        Parameter(
            name="MtaStsEnabled",
            kind=FLAG,
            help="MX delivery obeys the MTA-STS policies of recipient domains (RFC 8461).",
        ),
        "mta_sts",
    ),
    (
        Parameter(
            name="DaneEnabled",
            kind=FLAG,
            help="MX delivery obeys TLSA records (RFC 7672). Needs a DNS server that validates: on this"
            " machine, or named by Set-TransportService -ValidatingDNSServers.",
        ),
        "dane",
    ),
    *connector_session_parameters.PLAIN,
)
"""Parameters that are one field each."""
SETTINGS: tuple[Parameter[Any], ...] = (
    ADDRESS_SPACES,
    DNS_ROUTING,
    SMART_HOSTS,
    *(parameter for parameter, _ in PLAIN),
    *(parameter for parameter, _ in TIMEOUTS),
    SOURCE_SERVERS,
    LOGGING,
    CREDENTIAL,
    USER_NAME,
    PASSWORD,
    PASSWORD_FILE,
)
PARAMETER_OF = {field: parameter for parameter, field in PLAIN} | {
    **{f"{stage}_timeout": parameter for parameter, stage in TIMEOUTS},
    "name": NAME,
    "usage": USAGE,
    "delivery": DNS_ROUTING,
    "smart_hosts": SMART_HOSTS,
    "address_spaces": ADDRESS_SPACES,
    "cost": ADDRESS_SPACES,
    "source_servers": SOURCE_SERVERS,
    "username": USER_NAME,
    "sealed_password": PASSWORD_FILE,
}
