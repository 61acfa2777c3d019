"""What of a session stands in the receive protocol log: the dialogue without secrets and content."""

from dataclasses import replace

from transport.cleaning import clean_text
from transport.envelope import Envelope
from transport.receiving.log import Log
from transport.receiving.networks import normalize
from transport.receiving.peer import TlsFacts
from transport.receiving.site import Site

HIDDEN = "*****"
LONGEST = 1000
_SPOKEN_OPENLY = frozenset(
    (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"QUIT", b"STARTTLS", b"VRFY", b"BDAT")
)


_LONGEST_VERB = 12
_MECHANISMS = frozenset((b"PLAIN", b"LOGIN", b"CRAM-MD5", b"DIGEST-MD5", b"XOAUTH2", b"NTLM", b"GSSAPI"))
_Address = tuple[str, int]
"""Of a socket; an IPv6 one has more parts."""


def transcript_of(site: Site, *, local: _Address | None, peer: _Address | None) -> "Transcript | None":
    """Open the transcript of a connection; None where the connector keeps none."""
    if site.open_log is None:
        return None
    log = site.open_log(_endpoint(local), _endpoint(peer))
    log("+", _endpoint(local))
    return Transcript(log, site=site)


def _endpoint(address: _Address | None) -> str:
    """Write an address as `ip:port`, IPv6 in brackets."""
    if address is None:
        return ""
    host = normalize(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


class Transcript:
    """Writes down one session."""

    def __init__(self, log: Log, *, site: Site) -> None:
        self.log = log
        self.replies: list[bytes] = _Replies(log)
        """Where the session puts its replies: each is noted when it is put there."""
        self._auth_tried = False
        log("*", "Set Session Permissions", " ".join(_permissions(site)) or "None")

    def heard(self, line: bytes, *, in_logon: bool) -> None:
        """Note a command. What may be a password is hidden, also one that comes where none was asked for."""
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if in_logon:
            shown = HIDDEN
        elif verb == b"AUTH":
            self._auth_tried = True
            shown = f"AUTH {_without_secrets(rest)}"
        elif verb in _SPOKEN_OPENLY:
            shown = clean_text(line, limit=LONGEST)
        elif self._auth_tried or len(verb) > _LONGEST_VERB or not verb.isalnum():
            shown = HIDDEN
        else:
            shown = f"{verb.decode()} {HIDDEN}" if rest else verb.decode()
        self.log("<", shown)

    def secured(self, facts: TlsFacts) -> None:
        """Note what came of a handshake."""
        self.log("*", "TLS negotiation succeeded", f"{facts.version} {facts.cipher}")

    def signed(self, envelope: Envelope) -> Envelope:
        """Let a message know the session that brought it."""
        return replace(envelope, smtp_session=self.log.number)


def _without_secrets(argument: bytes) -> str:
    mechanism, _, initial = argument.partition(b" ")
    known = mechanism.upper() in _MECHANISMS
    return f"{mechanism.decode()}{f' {HIDDEN}' if initial else ''}" if known else HIDDEN


class _Replies(list[bytes]):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def append(self, reply: bytes, /) -> None:
        for line in reply.splitlines():
            self._log(">", clean_text(line, limit=LONGEST))
        super().append(reply)


def _permissions(site: Site) -> list[str]:
    """Exchange's words for what a client may do before it signs in."""
    names = {"SMTPSubmit": site.rights.anonymous, "SMTPAcceptAnyRecipient": site.rights.relay}
    return [name for name, granted in names.items() if granted]
