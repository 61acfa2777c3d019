"""Tokens for XOAUTH2, fetched by the client credentials grant (RFC 6749 section 4.4), kept in memory only."""

import base64
import http.client
import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from socket import create_connection
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from connectors.profiles import OAuthClient
from transport.cleaning import clean_text
from transport.https_stream import HttpsStream, https_context, seconds_left

HTTPS_PORT = 443
FETCH_LIMIT = timedelta(seconds=20)
"""For everything: connection, handshake, answer."""
MAX_ANSWER_BYTES = 64 * 1024
USUAL_LIFETIME = timedelta(minutes=5)
"""Of a token whose issuer does not say how long it lives (`expires_in` is optional, RFC 6749 section 5.1)."""
LONGEST_LIFETIME = timedelta(days=1)
MARGIN = timedelta(minutes=1)
"""A token is not used so shortly before it expires: a login takes time, and clocks differ."""
_REFUSALS = frozenset({400, 401, 403})
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
"""What may stand in a Bearer credential; a control character would forge a field of XOAUTH2."""


class TokenUnavailable(Exception):  # noqa: N818 - says what happened
    """There is no token now; the text says why, to an administrator, and holds no secret."""


class TokenRefused(TokenUnavailable):
    """The issuer refuses the client: its ID, its secret or the scope is wrong."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One token."""

    text: str = field(repr=False)
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Taken:
    """A token as a login gets it."""

    text: str = field(repr=False)
    fresh: bool
    """It was fetched just now: a host that refuses it would refuse the next one, too."""


class TokenSource:
    """The token of one connector, for all sessions of this process."""

    def __init__(self, client: OAuthClient, secret: str, *, ca_file: str | None = None) -> None:
        self._client, self._secret, self._ca_file = client, secret, ca_file
        self._lock = threading.Lock()
        self._held = Issued("", timedelta())
        self._until = 0.0

    def take(self, *, refused: str = "") -> Taken:
        """Give a token that is not the `refused` one. Raises TokenUnavailable, TokenRefused."""
        with self._lock:
            if self._held.text not in {"", refused} and monotonic() < self._until:
                return Taken(self._held.text, fresh=False)
            self._held = fetch(self._client, self._secret, ca_file=self._ca_file)
            self._until = monotonic() + (self._held.lifetime - MARGIN).total_seconds()
            return Taken(self._held.text, fresh=True)


def fetch(
    client: OAuthClient, secret: str, *, ca_file: str | None = None, limit: timedelta = FETCH_LIMIT
) -> Issued:
    """Ask the issuer for a token; no redirect is followed. Raises TokenUnavailable, TokenRefused."""
    parts = urlsplit(client.token_url)
    name = parts.hostname or ""
    if parts.scheme != "https" or not name:
        raise TokenUnavailable("The token URL of the send connector is no https address")
    ends = monotonic() + limit.total_seconds()
    try:
        with create_connection((name, parts.port or HTTPS_PORT), timeout=seconds_left(ends)) as connection:
            stream = HttpsStream(connection, https_context(ca_file), name=name, ends=ends)
            stream.send(_request(client, secret, host=parts.netloc, path=_path(parts.path, parts.query)))
            status, body = _answer(stream)
    except ssl.SSLCertVerificationError as error:
        why = clean_text(error.verify_message or "it cannot be verified", limit=200)
        raise TokenUnavailable(f"Certificate of the token issuer {name}: {why}") from error
    except TimeoutError as error:
        raise TokenUnavailable(f"The token issuer {name} did not answer in time") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        trouble = type(error).__name__
        raise TokenUnavailable(f"The token issuer {name} gave no usable answer ({trouble})") from error
    if status != http.client.OK:
        raise _refusal(name, status, body, secret=secret)
    return _issued(name, body)


def _path(path: str, query: str) -> str:
    return quote(path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{query}" if query else "")


def _request(client: OAuthClient, secret: str, *, host: str, path: str) -> bytes:
    """Name ourselves as every issuer must understand it: HTTP Basic (RFC 6749 section 2.3.1)."""
    form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
    body = urlencode(form)
    named = f"{quote(client.client_id, safe='')}:{quote(secret, safe='')}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mail-Flow-Admin-Center\r\n"
        f"Authorization: Basic {base64.b64encode(named.encode()).decode()}\r\n"
        "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def _answer(stream: HttpsStream) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(stream)  # type: ignore[arg-type]  # it asks for makefile, no more
    response.begin()
    body = response.read(MAX_ANSWER_BYTES + 1)
    if len(body) > MAX_ANSWER_BYTES or response.length:
        raise ValueError("too large, or it breaks off")
    return response.status, body


def _refusal(name: str, status: int, body: bytes, *, secret: str) -> TokenUnavailable:
    """Say what the issuer said (RFC 6749 section 5.2), as far as it is no secret."""
    said = _object(body)
    words = [str(said[key]) for key in ("error", "error_description") if isinstance(said.get(key), str)]
    encoded = base64.b64encode(secret.encode()).decode()
    text = ": ".join(words).replace(secret, "*****").replace(encoded, "*****").replace(quote(secret), "*****")
    reason = f"status {status}" + (f", {clean_text(text, limit=200)}" if text else "")
    if status in _REFUSALS:
        return TokenRefused(f"The token issuer {name} refuses the client ({reason})")
    return TokenUnavailable(f"The token issuer {name} gives no token ({reason})")


def _issued(name: str, body: bytes) -> Issued:
    said = _object(body)
    token, kind = said.get("access_token"), said.get("token_type", "Bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
        raise TokenUnavailable(f"The token issuer {name} answered without a Bearer token that can be used")
    return Issued(token, _lifetime(said.get("expires_in")))


def _lifetime(seconds: object) -> timedelta:
    try:
        given = timedelta(seconds=float(str(seconds)))
    except (ValueError, OverflowError):
        return USUAL_LIFETIME
    return min(max(given, timedelta()), LONGEST_LIFETIME)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
