"""What can go wrong in a session, one tree.

SmtpError
├── SessionFailed            connect() gave up; carries the reply that decides
├── ConversationBroken       the connection can carry nothing more
│   ├── Unreachable          no connection was made
│   ├── TimedOut             a deadline passed
│   ├── HungUp               the host, or the network, ended the connection
│   ├── OutOfStep            the host broke the protocol
│   ├── TlsFailed            no handshake, or a certificate that does not do
│   │   └── TlsaFailed       no TLSA record speaks for the certificate
│   └── HostClosing          the host said 421
└── CannotSay                a command that cannot be put on the wire
    ├── HostCannotTake       the message does not fit what the host offers
    ├── UnsafeAddress        the address would break the line
    │   └── UnsafeSender
    └── NeedsSmtpUtf8        the address needs an extension that the host lacks
"""

from typing import TYPE_CHECKING

from transport.envelope import Reply

if TYPE_CHECKING:
    from transport.smtp.replies import HostReply


class SmtpError(Exception):
    """Base of all errors of this package."""


class SessionFailed(SmtpError):  # noqa: N818 - names an event, as its kin below do
    """The host cannot be used now; `reply` says at which stage and why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.stage}: {reply.line}")
        self.reply = reply


class ConversationBroken(SmtpError):  # noqa: N818 - names an event, as its kin below do
    """The connection can carry nothing more; `str()` is a sentence for the administrator."""

    code = 421
    enhanced = "4.4.2"
    leaves_doubt = True
    """After the final dot: the host may have the message."""


class Unreachable(ConversationBroken):
    """No connection was made."""

    enhanced = "4.4.1"


class TimedOut(ConversationBroken):
    """A deadline passed."""


class HungUp(ConversationBroken):
    """The host, or the network, ended the connection."""


class OutOfStep(ConversationBroken):
    """The host broke the protocol.

    `so_far` is the reply that was too long, as far as it was read, or None when there was no sense in it.
    """

    enhanced = "4.5.0"

    def __init__(self, reason: str, *, so_far: "HostReply | None" = None) -> None:
        super().__init__(f"Protocol error: {reason}")
        self.so_far = so_far
        self.leaves_doubt = so_far is None or not so_far.refusal


class TlsFailed(ConversationBroken):
    """No handshake, or a certificate that does not do."""

    code = 454
    enhanced = "4.7.5"


class TlsaFailed(TlsFailed):
    """No TLSA record speaks for the certificate (RFC 7672). The code is Exchange Online's, exchange.md 11."""

    enhanced = "4.7.323"


class HostClosing(ConversationBroken):
    """The host said 421 (RFC 5321 section 3.8): it closes, at whatever stage."""

    leaves_doubt = False

    def __init__(self, said: "HostReply") -> None:
        super().__init__("The host closes the connection")
        self.said = said


class CannotSay(SmtpError):  # noqa: N818 - names what happens, as its kin do
    """A command that cannot be put on the wire; `code`, `enhanced` and `str()` make the reply."""

    code = 553
    enhanced = "5.1.3"


class HostCannotTake(CannotSay):
    """The message does not fit what the host offers: too large, 8-bit, international."""

    def __init__(self, text: str, *, code: int, enhanced: str) -> None:
        super().__init__(text)
        self.code = code
        self.enhanced = enhanced


class UnsafeAddress(CannotSay):
    """The address holds what would break or forge the command line, or is no address at all."""


class UnsafeSender(UnsafeAddress):
    """The same, of the sender."""

    enhanced = "5.1.7"


class NeedsSmtpUtf8(CannotSay):
    """The address cannot be written without SMTPUTF8 (RFC 6531), which the host does not offer."""

    code = 550
    enhanced = "5.6.7"
