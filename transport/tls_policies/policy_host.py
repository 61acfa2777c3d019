"""Fetches a policy from the policy host of a domain over HTTPS (RFC 8461 section 3.3).

Blocking, with one deadline for everything: the worker runs it in a greenlet. TLS runs over memory, so that
the deadline holds inside the handshake too, under gevent as well.
"""

import http.client
import io
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from socket import create_connection, socket
from time import monotonic

from transport.cleaning import clean_text

HTTPS_PORT = 443
"""Fixed by the standard; only the tests speak to another."""
MAX_POLICY_BYTES = 64 * 1024
_MAX_RECEIVED_BYTES = 160 * 1024
"""Records, header and all."""
_READ_BYTES = 16 * 1024
_OK = 200


class FetchFailed(Exception):  # noqa: N818 - says what happened
    """There is no policy to be had; the text says why, to an administrator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyHost:
    """How policy hosts are spoken to; tests choose port and authority."""

    port: int = HTTPS_PORT
    ca_file: str | None = None
    """Trusted authorities in PEM form; None means those of the system."""
    limit: timedelta = timedelta(seconds=10)

    def fetch(self, name: str, *, addresses: Sequence[str]) -> bytes:
        """Get the policy file of host `name` from the first address that answers. Raises FetchFailed.

        No redirect is followed, and nothing is looked up: the addresses have been checked.
        """
        ends = monotonic() + self.limit.total_seconds()
        with self._dial(addresses, ends=ends) as connection:
            try:
                stream = _Stream(connection, _context(self.ca_file), name=name, ends=ends)
                return _get(stream, name=name)
            except ssl.SSLCertVerificationError as error:
                raise FetchFailed(f"certificate of {name}: {_plain(error.verify_message)}") from error
            except TimeoutError as error:
                raise FetchFailed(f"{name} did not answer in time") from error
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise FetchFailed(f"{name} gave no usable answer ({type(error).__name__})") from error

    def _dial(self, addresses: Sequence[str], *, ends: float) -> socket:
        # One that swallows packets must leave time for the next.
        most = self.limit.total_seconds() / 2
        for address in addresses:
            try:
                return create_connection((address, self.port), timeout=min(_left(ends), most))
            except OSError:
                continue
        raise FetchFailed(f"no connection to port {self.port} of {', '.join(addresses[:3])}")


def _get(stream: "_Stream", *, name: str) -> bytes:
    request = (
        f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {name}\r\n"
        "User-Agent: Mail-Flow-Admin-Center\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    )
    stream.send(request.encode())
    response = http.client.HTTPResponse(stream)  # type: ignore[arg-type]  # it asks for makefile, no more
    response.begin()
    if response.status != _OK:
        raise FetchFailed(f"{name} answered with status {response.status}, and only {_OK} will do")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        raise FetchFailed(f"the policy at {name} is not text/plain")
    body = response.read(MAX_POLICY_BYTES + 1)
    if len(body) > MAX_POLICY_BYTES:
        raise FetchFailed(f"the policy at {name} is larger than {MAX_POLICY_BYTES} bytes")
    if response.length:
        raise FetchFailed(f"the policy at {name} breaks off")
    return body


class _Stream(io.RawIOBase):
    """Plain bytes of one TLS connection, as a file that ends at its deadline."""

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
        self._tls.write(data)
        self._flush()

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client wants of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the only kind that comes
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
        self._socket.settimeout(_left(self._ends))
        data = self._socket.recv(_READ_BYTES)
        self._received += len(data)
        if not data or self._received > _MAX_RECEIVED_BYTES:
            # Without the alert that ends TLS, somebody may have cut the policy short.
            raise ConnectionError
        self._incoming.write(data)

    def _flush(self) -> None:
        self._socket.settimeout(_left(self._ends))
        self._socket.sendall(self._outgoing.read())


@lru_cache(maxsize=4)
def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    return context


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _plain(text: str | None) -> str:
    return clean_text(text or "it cannot be verified", limit=200)
