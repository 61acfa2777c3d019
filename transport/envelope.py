"""The nouns of the engine: frozen values that cross module borders. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Stage(StrEnum):
    """Where in an attempt a reply was given."""

    DNS = "DNS"
    CONNECT = "CONNECT"
    BANNER = "BANNER"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"
    """The final dot: after it the message may have been delivered, whatever came back."""
    QUIT = "QUIT"
    QUEUE = "QUEUE"
    """Decided here, without a peer: expiry, removal by an administrator, routing."""


class Priority(IntEnum):
    """How urgent a message is; the order is the order in which new mail goes (exchange.md 7.4)."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a host said, or what we say in its place (time-out, refused connection, DNS failure).

    RFC 5321 section 4.2 and RFC 3463. `text` is already cleaned: printable, bounded, one line.
    """

    code: int
    """Three digits; 421 stands for a connection that broke, 451 for a local or DNS trouble."""
    enhanced: str = ""
    """`x.y.z`, or empty when the host gave none."""
    text: str = ""
    stage: Stage
    host: str = ""
    """Name of the next hop, as configured or as its MX record names it."""
    address: str = ""
    """`ip:port` that was dialled, empty before dialling."""
    remote: bool = True
    """False when no peer said this."""

    @property
    def line(self) -> str:
        """The reply as one line: `451 4.4.0 text`."""
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    @property
    def refuses_login(self) -> bool:
        """Whether user name, password or token are wrong, or the host wants another login (RFC 4954)."""
        return self.stage is Stage.AUTH and self.code // 100 == 5  # noqa: PLR2004 - 5yz


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One address to dial."""

    name: str
    address: str
    """IPv4 or IPv6 address, without brackets."""
    port: int
    preference: int = 0
    tlsa_bases: tuple[str, ...] = ()
    """Names below which TLSA records count for it, best first; none where DNSSEC does not prove its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DsnRequest:
    """What the sender asked about one recipient (RFC 3461), as it came and as it is passed on."""

    notify: str = ""
    """NEVER, or a list of SUCCESS, FAILURE, DELAY; empty asks for the usual."""
    orcpt: str = ""
    """`type;xtext` of the address that the sender knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One message as it came in."""

    mail_from: str
    """Empty for the null sender."""
    recipients: tuple[str, ...]
    content: bytes
    """CRLF lines, our own Received line on top, nothing else altered."""
    received_at: datetime
    source: str = "SMTP"
    """MessageSourceName: `SMTP:<receive connector>`, `DSN`, ..."""
    client_address: str = ""
    client_name: str = ""
    """What the client said in HELO or EHLO, cleaned."""
    eight_bit: bool = False
    """BODY=8BITMIME was given (RFC 6152)."""
    smtputf8: bool = False
    """SMTPUTF8 was given (RFC 6531)."""
    ret: str = ""
    """How much a report gives back: FULL, HDRS, or empty (RFC 3461)."""
    envid: str = ""
    """The sender's name for this transaction, xtext (RFC 3461)."""
    dsn_requests: Mapping[str, DsnRequest] = field(default_factory=dict)
    """By recipient address; those about whom nothing was asked are left out."""
    original_from: str = ""
    """Sender of the message that a report is about."""
    reference: str = ""
    """Message-ID of that message."""
    smtp_session: str = ""
    """Number of the session in the protocol log, where there is one."""
    login: str = ""
    """User name of the application password that the client signed in with."""
    trusted_sender: bool = False
    """The client signed in or may relay by its address: a report to the sender hits no stranger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """One message on its way to one host: what MAIL, RCPT and DATA carry."""

    message_id: int
    mail_from: str
    recipients: tuple[str, ...]
    content: tuple[bytes, ...]
    """Chunks; joined they are the stored bytes with CRLF line ends."""
    size_bytes: int
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    internet_message_id: str = ""
    """For the protocol log."""
    dsn_requests: Mapping[str, DsnRequest] = field(default_factory=dict)
    """What of the envelope a host that offers DSN is told (RFC 3461 section 5.2.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransactionResult:
    """The outcome of one transaction, a reply for every recipient."""

    replies: tuple[tuple[str, Reply], ...]
    """(recipient, the reply that decides for it), in the order of the transaction."""
    in_doubt: bool = False
    """The final dot was sent and no answer came: the host may have the message."""
    session_open: bool = True
    """False when the connection can carry nothing more."""
    out_of_step: bool = False
    """The host broke the protocol: its answers did not fit what it was asked."""
