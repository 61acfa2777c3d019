"""TLS of one connection on the server's side: bytes in, bytes out, no socket (RFC 3207, RFC 8446)."""

import ssl

from transport.receiving.errors import ReceivingError
from transport.receiving.peer import TlsFacts

_READ_BYTES = 65_536


class HandshakeFailed(ReceivingError):  # noqa: N818 - reads as what happened
    """The client and we cannot agree, or it broke the protocol; nothing it sent counts."""


class ServerTls:
    """One TLS session over memory: what came before it never reaches it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.facts: TlsFacts | None = None
        """Set once the handshake is done."""
        self.ended = False
        """The client said that it sends no more."""

    def receive(self, data: bytes) -> bytes:
        """Take what came from the client; gives what it said in clear. Raises HandshakeFailed."""
        self._incoming.write(data)
        try:
            if self.facts is None:
                self._object.do_handshake()
                self.facts = self._established()
            return b"".join(self._read())
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise HandshakeFailed(error.reason or "broken TLS record") from error

    def send(self, data: bytes) -> None:
        """Encrypt; `outgoing` gives what is to be written."""
        try:
            self._object.write(data)
        except ssl.SSLError:
            # Broken off: the connection ends with its next read.
            self.ended = True

    def close(self) -> None:
        """Say that nothing more comes (close_notify)."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            # The client's own end has not come yet, or the session is broken: ours is said either way.
            return

    def outgoing(self) -> bytes:
        """Give what waits to be written to the client."""
        return self._outgoing.read()

    def _read(self) -> list[bytes]:
        parts: list[bytes] = []
        try:
            while part := self._object.read(_READ_BYTES):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return parts

    def _established(self) -> TlsFacts:
        cipher = self._object.cipher()
        return TlsFacts(version=self._object.version() or "", cipher=cipher[0] if cipher else "")


def server_context() -> ssl.SSLContext:
    """Give the settings of every handshake; the certificate is loaded by the caller."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context
