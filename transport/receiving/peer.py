"""What a session knows of its client."""

from dataclasses import dataclass

from connectors.application_passwords import Login


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFacts:
    """What the handshake came to."""

    version: str
    """`TLSv1.3`."""
    cipher: str
    """`TLS_AES_256_GCM_SHA384`."""


@dataclass(kw_only=True, slots=True)
class Peer:
    """The client of one session."""

    address: str
    """IP address without brackets."""
    name: str = ""
    """As said in HELO or EHLO."""
    extended: bool = False
    """It said EHLO."""
    tls: TlsFacts | None = None
    login: Login | None = None
    """With which it signed in."""

    def protocol(self, *, smtputf8: bool) -> str:
        """Give the word of the Received line (RFC 3848, RFC 6531 section 3.7.3)."""
        secure = f"{'S' if self.tls else ''}{'A' if self.login else ''}"
        if smtputf8:
            return f"UTF8SMTP{secure}"
        return f"ESMTP{secure}" if self.extended or secure else "SMTP"
