"""HTTPS with one deadline for everything and a bound on what comes back.

TLS runs over memory, so that the deadline holds inside the handshake too, under gevent as well.
"""

import io
import ssl
from functools import lru_cache
from socket import socket
from time import monotonic

MAX_RECEIVED_BYTES = 160 * 1024
"""Records, header and all."""
_READ_BYTES = 16 * 1024


class HttpsStream(io.RawIOBase):
    """Plain bytes of one TLS connection, as a file that ends at its deadline.

    `ends` is of the monotonic clock. Raises OSError: of `ssl`, or TimeoutError, or ConnectionError.
    """

    def __init__(self, connection: socket, context: ssl.SSLContext, *, name: str, ends: float) -> None:
        super().__init__()
        self._socket, self._ends, self._received = connection, ends, 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._shake_hands()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
            else:
                self._flush()
                return

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._tls.write(data)
        self._flush()

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client wants of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the only kind that comes
        """Read what has come, or wait for it; 0 at the end that TLS announced."""
        while True:
            try:
                data = self._tls.read(len(buffer))
            except ssl.SSLWantReadError:
                self._receive()
            except ssl.SSLZeroReturnError:
                return 0
            else:
                buffer[: len(data)] = data
                return len(data)

    def _receive(self) -> None:
        self._socket.settimeout(seconds_left(self._ends))
        data = self._socket.recv(_READ_BYTES)
        self._received += len(data)
        if not data or self._received > MAX_RECEIVED_BYTES:
            # Without the alert that ends TLS, somebody may have cut the policy short.
            raise ConnectionError
        self._incoming.write(data)

    def _flush(self) -> None:
        self._socket.settimeout(seconds_left(self._ends))
        self._socket.sendall(self._outgoing.read())


@lru_cache(maxsize=4)
def https_context(ca_file: str | None) -> ssl.SSLContext:
    """Trust these authorities in PEM form, or those of the system."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    return context


def seconds_left(ends: float) -> float:
    """Raises TimeoutError when nothing is left."""
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
