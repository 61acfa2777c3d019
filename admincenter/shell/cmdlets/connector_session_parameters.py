"""Parameters of a send connector for how a session is held; Exchange has the first few only."""

from decimal import Decimal, InvalidOperation
from typing import Any

from admincenter.shell.parameters import (
    FLAG,
    TEXT,
    TIME_SPAN,
    Given,
    Kind,
    Parameter,
    integer,
    one_of,
    or_unlimited,
    read_text,
)
from connectors.profiles import IpFamily
from connectors.session_rules import MAX_CONNECTIONS, MAX_MESSAGES_PER_DAY
from connectors.specs import DEFAULT_TIMEOUTS
from connectors.validators import format_time_span


def _decimal(given: Given) -> Decimal:
    try:
        return Decimal(read_text(given))
    except InvalidOperation:
        raise ValueError("a number such as 0.5 or 20 is expected") from None


OAUTH: tuple[tuple[Parameter[Any], str], ...] = (
    (
        Parameter(
            name="OAuthTokenUrl",
            kind=TEXT,
            help="For XOAUTH2: the https address where the provider issues tokens (client credentials).",
        ),
        "oauth_token_url",
    ),
    (
        Parameter(
            name="OAuthClientId",
            kind=TEXT,
            help="For XOAUTH2: the ID of the client. Its secret is the password, the mailbox the user name.",
        ),
        "oauth_client_id",
    ),
    (Parameter(name="OAuthScope", kind=TEXT, help="For XOAUTH2: what the token is for."), "oauth_scope"),
)
PLAIN: tuple[tuple[Parameter[Any], str], ...] = (
    *OAUTH,
    (Parameter(name="ForceHELO", kind=FLAG, help="Say HELO and never EHLO. Default: $false."), "force_helo"),
    (
        Parameter(
            name="SourceIPAddress",
            kind=TEXT,
            help="An address of this machine that connections leave from. Default: 0.0.0.0, any.",
        ),
        "source_ip_address",
    ),
    (
        Parameter(
            name="IpFamily",
            kind=one_of(IpFamily),
            help="Which addresses of a next hop are dialled, or dialled first. Default: Any.",
        ),
        "ip_family",
    ),
    (
        Parameter(
            name="TlsCertificateName",
            kind=TEXT,
            help="The client certificate: <I>issuer<S>subject, or the name of its file in the folder"
            " certificates of the data directory. Mail then goes on with TLS and this certificate only.",
        ),
        "tls_certificate_name",
    ),
    (
        Parameter(
            name="MaxConnectionsPerNextHop",
            kind=or_unlimited(integer(lowest=1, highest=MAX_CONNECTIONS)),
            help="Connections to one next hop. Default: unlimited, as many as the server allows.",
        ),
        "max_connections",
    ),
    (
        Parameter(
            name="MaxMessagesPerSecond",
            kind=or_unlimited(Kind("Decimal", _decimal)),
            help="With one decimal, as in 0.5. Default: unlimited.",
        ),
        "messages_per_second",
    ),
    (
        Parameter(
            name="MaxMessagesPerDay",
            kind=or_unlimited(integer(lowest=1, highest=MAX_MESSAGES_PER_DAY)),
            help="Default: unlimited.",
        ),
        "messages_per_day",
    ),
)
"""Parameters that are one field each."""


def _usual(stage: str) -> str:
    return format_time_span(getattr(DEFAULT_TIMEOUTS, stage))


_STAGES = (
    ("ConnectTimeOut", "connect", "a connection to be made"),
    ("BannerTimeOut", "banner", "the banner"),
    ("EhloTimeOut", "ehlo", "the answer to EHLO"),
    ("StartTlsTimeOut", "starttls", "the answer to STARTTLS, and again the handshake"),
    ("AuthTimeOut", "auth", "the answer to each step of AUTH"),
    ("MailTimeOut", "mail", "the answer to MAIL"),
    ("RcptTimeOut", "rcpt", "the answer to RCPT"),
    ("DataTimeOut", "data", "the answer to DATA"),
    ("BlockTimeOut", "block", "the host to take one block of content"),
    ("FinalDotTimeOut", "dot", "the answer to the final dot"),
    ("QuitTimeOut", "quit", "the answer to QUIT"),
    ("SessionTimeOut", "session", "the whole session"),
)
TIMEOUTS: tuple[tuple[Parameter[Any], str], ...] = tuple(
    (
        Parameter(
            name=name,
            kind=TIME_SPAN,
            help=f"How long to wait for {what}. Default: {_usual(stage)}.",
        ),
        stage,
    )
    for name, stage, what in _STAGES
)
"""Parameter -> stage of `Timeouts`."""
