"""Fetches a policy from the policy host of a domain over HTTPS (RFC 8461 section 3.3).

Blocking, with one deadline for everything: the worker runs it in a greenlet. TLS runs over memory, so that
the deadline holds inside the handshake too, under gevent as well.
"""

import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from socket import create_connection, socket
from time import monotonic

from transport.cleaning import clean_text
from transport.https_stream import HttpsStream, https_context, seconds_left

HTTPS_PORT = 443
"""Fixed by the standard; only the tests speak to another."""
MAX_POLICY_BYTES = 64 * 1024
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
                stream = HttpsStream(connection, https_context(self.ca_file), name=name, ends=ends)
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
                return create_connection((address, self.port), timeout=min(seconds_left(ends), most))
            except OSError:
                continue
        raise FetchFailed(f"no connection to port {self.port} of {', '.join(addresses[:3])}")


def _get(stream: HttpsStream, *, name: str) -> bytes:
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


def _plain(text: str | None) -> str:
    return clean_text(text or "it cannot be verified", limit=200)
