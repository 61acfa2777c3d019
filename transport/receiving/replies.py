"""The fixed answers of the listener, as they go on the wire (RFC 5321 section 4.2, RFC 3463)."""

from collections.abc import Sequence

from transport.cleaning import clean_text
from transport.receiving.errors import Refused

_MAX_TEXT = 480
"""With code and line end a reply stays below the 512 octets of RFC 5321 4.5.3.1.5."""

GOODBYE = b"221 2.0.0 Service closing transmission channel\r\n"
SENDER_OK = b"250 2.1.0 Sender OK\r\n"
RECIPIENT_OK = b"250 2.1.5 Recipient OK\r\n"
RESET_OK = b"250 2.0.0 Resetting\r\n"
NOTHING_DONE = b"250 2.0.0 OK\r\n"
CANNOT_VERIFY = b"252 2.5.2 Cannot VRFY user, but will accept message and attempt delivery\r\n"
HELP = b"214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT, see RFC 5321\r\n"
READY_FOR_TLS = b"220 2.0.0 Ready to start TLS\r\n"
LOGGED_ON = b"235 2.7.0 Authentication successful\r\n"
SAY_NOTHING = b"334 \r\n"
SAY_USER_NAME = b"334 VXNlcm5hbWU6\r\n"
SAY_PASSWORD = b"334 UGFzc3dvcmQ6\r\n"
GO_AHEAD = b"354 Start mail input; end with <CRLF>.<CRLF>\r\n"

SHUTTING_DOWN = b"421 4.3.2 Service not available, closing transmission channel\r\n"
TOO_MANY_CONNECTIONS = b"421 4.3.2 Too many connections, closing transmission channel\r\n"
IDLE_TOO_LONG = b"421 4.4.2 Connection timed out after inactivity, closing transmission channel\r\n"
SESSION_TOO_LONG = b"421 4.4.2 Connection was open too long, closing transmission channel\r\n"
TOO_MANY_ERRORS = b"421 4.7.0 Too many errors on this connection, closing transmission channel\r\n"
NO_CONNECTOR = b"421 4.3.2 No receive connector serves your address here, closing transmission channel\r\n"
TOO_SLOW = b"421 4.4.2 Message comes too slowly, closing transmission channel\r\n"
TOO_MANY_LOGONS = b"421 4.7.0 Too many failed logons, closing transmission channel\r\n"
INPUT_BEFORE_TLS = b"421 4.7.0 Nothing may follow STARTTLS before the handshake, closing channel\r\n"
NOT_HTTP = b"421 4.7.0 This is SMTP, closing transmission channel\r\n"

LOCAL_ERROR = b"451 4.3.0 Message could not be stored, try again later\r\n"
NO_RESOURCES = b"452 4.3.1 Insufficient system resources\r\n"
TLS_NOT_AVAILABLE = b"454 4.7.0 TLS not available: no usable certificate\r\n"
LOGON_LOCKED = b"454 4.7.0 Too many failed logons from your address, try again later\r\n"
TOO_MANY_RECIPIENTS = b"452 4.5.3 Too many recipients\r\n"

UNKNOWN_COMMAND = b"500 5.5.1 Unrecognized command\r\n"
BARE_LINE_FEED = b"500 5.5.2 Command must end in CRLF, not in a bare line feed\r\n"
BAD_CHARACTER = b"501 5.5.2 Command contains a character that is not allowed\r\n"
NEEDS_SMTPUTF8 = b"501 5.5.2 Non-ASCII characters need an address and the SMTPUTF8 parameter of MAIL\r\n"
LINE_TOO_LONG = b"500 5.5.2 Command line too long\r\n"
BAD_CHUNK = b"421 4.5.0 Chunk of unknown length, closing transmission channel\r\n"
NO_ARGUMENT_ALLOWED = b"501 5.5.4 This command takes no argument\r\n"
BAD_HELLO = b"501 5.5.4 EHLO and HELO need one domain name or address literal\r\n"
BAD_MAIL_SYNTAX = b"501 5.5.4 Syntax: MAIL FROM:<address> [parameters]\r\n"
BAD_RCPT_SYNTAX = b"501 5.5.4 Syntax: RCPT TO:<address>\r\n"
NOT_BASE64 = b"501 5.5.2 Cannot decode Base64\r\n"
BAD_PLAIN = b"501 5.5.2 PLAIN needs authorization identity, user name and password\r\n"
LOGON_CANCELLED = b"501 5.7.0 Authentication cancelled\r\n"
NOT_IMPLEMENTED = b"502 5.5.1 Command not implemented\r\n"
HELLO_FIRST = b"503 5.5.1 Send EHLO or HELO first\r\n"
SENDER_ALREADY = b"503 5.5.1 Sender already specified\r\n"
MAIL_FIRST = b"503 5.5.1 Send MAIL first\r\n"
RECIPIENT_FIRST = b"503 5.5.1 Send RCPT first\r\n"
TLS_ALREADY = b"503 5.5.1 TLS is active already\r\n"
LOGGED_ON_ALREADY = b"503 5.5.1 Already authenticated\r\n"
NOT_DURING_MAIL = b"503 5.5.1 Not during a mail transaction\r\n"
UNKNOWN_MECHANISM = b"504 5.5.4 Authentication mechanism is not supported\r\n"
STARTTLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
NOT_AUTHENTICATED = b"530 5.7.1 Client was not authenticated\r\n"
LOGON_FAILED = b"535 5.7.8 Authentication unsuccessful\r\n"
LOGIN_ENDED = b"535 5.7.8 The application password is no longer valid\r\n"
LOGON_NEEDS_TLS = b"538 5.7.11 Encryption required for requested authentication mechanism\r\n"
NO_SUCH_RECIPIENT = b"550 5.1.10 Recipient not found by SMTP address lookup\r\n"
UNABLE_TO_RELAY = b"550 5.7.1 Unable to relay\r\n"
NO_VALID_RECIPIENTS = b"554 5.5.1 No valid recipients\r\n"


def compose(code: int, enhanced: str, text: str) -> bytes:
    """Return one reply line; `text` may be foreign: what is not printable ASCII is replaced."""
    clean = clean_text(text, limit=_MAX_TEXT).encode("ascii", "replace")
    return b"%d %s %s\r\n" % (code, enhanced.encode("ascii", "replace"), clean)


def refusal(refused: Refused) -> bytes:
    """Return the reply that `refused` stands for."""
    return compose(refused.reply_code, refused.enhanced, refused.text)


def compose_lines(code: int, lines: Sequence[str]) -> bytes:
    """Return a reply of several lines of our own making (RFC 5321 4.2.1)."""
    *before, last = lines
    return "".join([*(f"{code}-{line}\r\n" for line in before), f"{code} {last}\r\n"]).encode()
