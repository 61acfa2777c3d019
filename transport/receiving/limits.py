"""How much one client may ask of the listener (defaults of a receive connector, exchange.md 10.1)."""

from dataclasses import dataclass
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The bounds of a listener and of each of its sessions."""

    max_message_bytes: int = 36 * MIB
    """Content as the client sent it, dot-stuffing and our own Received line not counted (RFC 1870)."""
    max_header_bytes: int = 256 * KIB
    max_line_bytes: int = 1000
    """A line of content with its CRLF (RFC 5321 4.5.3.1.6)."""
    max_recipients: int = 200
    """Per message; the client sends the others in another one (RFC 5321 4.5.3.1.10)."""
    max_hops: int = 30
    """`Received` fields a message may come with; one more is a loop (RFC 5321 6.3)."""
    max_command_bytes: int = 512
    """A command line with its CRLF (RFC 5321 4.5.3.1.4)."""
    max_parameter_command_bytes: int = 1000
    """The same for MAIL and RCPT, whose parameters and UTF-8 addresses take more room."""
    max_errors: int | None = 5
    """Protocol errors in a session; the next one ends it with 421."""
    max_logon_failures: int = 3
    """In a session; the next one ends it with 421. 0: no limit."""
    max_connections: int | None = 5000
    """Of the connector; None, here and below, is no limit."""
    max_connections_per_source: int | None = 1000
    max_connections_percent_per_source: int | None = None
    """Of the connections that are still free."""
    messages_per_minute: int | None = None
    rate_per_source: bool = True
    rate_per_login: bool = False
    max_buffered_bytes: int = 256 * MIB
    """Over all sessions, with the messages that wait for their commit."""
    inactivity_timeout: timedelta = timedelta(minutes=5)
    """No byte from the client for this long."""
    session_timeout: timedelta = timedelta(minutes=10)
    """From connect to close, however busy: it also ends who sends one byte at a time."""
    handshake_timeout: timedelta = timedelta(seconds=30)
    """How long TLS may take to be agreed on."""
    slow_after: timedelta = timedelta(minutes=1)
    """From when on a message must have come at `min_content_rate`."""
    min_content_rate: int = 100
    """Octets of content a second."""
    tarpit_interval: timedelta = timedelta(0)
    """How long a refusal is held back from a client that is not trusted; nobody else waits."""
    closing_timeout: timedelta = timedelta(seconds=2)
    """How long a client may take to read our last reply."""
