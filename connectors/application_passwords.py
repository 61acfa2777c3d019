"""Passwords that programs submit mail with: made by the machine, shown once, kept as a digest.

A password is 160 random bits. Slow hashes such as Argon2 defend passwords that people choose, which can be
guessed from a list; nobody guesses 160 bits, so one HMAC with SHA-256 over a salt of its own is as safe, and
the listener can check thousands a second without stopping for others.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from connectors.domains import NotADomain, a_label, to_ascii
from connectors.errors import InvalidValue
from connectors.validators import name_key

SECRET_BYTES = 20
SALT_BYTES = 16
MAX_USER_NAME_CHARACTERS = 64
MAX_SENDERS = 100
ANY_SENDER = "*"
_VERSION = "v1"
_USER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?")
_LOCAL_PART = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """One application password that may be used, as the listener knows it."""

    login_id: int
    user_name: str
    digest: str = field(repr=False)
    senders: tuple[str, ...] = (ANY_SENDER,)
    """In stored form: `*`, addresses, domains, `*.suffix`."""
    expires_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not run out."""
        return self.expires_at is None or now < self.expires_at

    def may_send_as(self, address: str) -> bool:
        """Tell whether mail may carry this sender address. Upper and lower case make no difference."""
        local, _, domain = address.rpartition("@")
        domain = a_label(domain)
        below = {f"*.{domain[dot + 1 :]}" for dot, character in enumerate(domain) if character == "."}
        allowed = {ANY_SENDER, domain, f"{local.lower()}@{domain}"} | below
        return not allowed.isdisjoint(self.senders)


class Logins:
    """Finds the login of a user name and password."""

    def __init__(self, logins: Iterable[Login] = ()) -> None:
        self._by_key = {name_key(one.user_name): one for one in logins}
        self._by_id = {one.login_id: one for one in self._by_key.values()}

    def check(self, user_name: str, password: str, *, now: datetime) -> Login | None:
        """Give the login, or None: a wrong password and an unknown name take the same work."""
        found = self._by_key.get(name_key(user_name[: 2 * MAX_USER_NAME_CHARACTERS]))
        right = verify(password, found.digest if found else _NOBODY)
        return found if found is not None and right and found.is_valid(now) else None

    def of(self, password: str, *, now: datetime) -> Login | None:
        """Give the login of a password that came alone, as a bearer token; all are compared, in any case."""
        found = [one for one in self._by_id.values() if verify(password, one.digest)]
        return found[0] if found and found[0].is_valid(now) else None

    def current(self, login: Login, *, now: datetime) -> Login | None:
        """Give a login as it is now; None when it was removed, disabled, renewed or has run out."""
        found = self._by_id.get(login.login_id)
        if found is None or found.digest != login.digest or not found.is_valid(now):
            return None
        return found


def make() -> str:
    """Give a new password: 32 letters and digits of Base32 (RFC 4648) in lower case."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode().lower()


def digest(password: str) -> str:
    """Give what is stored: `v1:<salt>:<HMAC-SHA-256>`, both in hex."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{_VERSION}:{salt.hex()}:{_mac(salt, password)}"


def verify(password: str, stored: str) -> bool:
    """Tell whether a password is the one of a digest, in a time that tells nothing about it."""
    version, _, rest = stored.partition(":")
    salt, _, mac = rest.partition(":")
    return hmac.compare_digest(_mac(bytes.fromhex(salt), password), mac) and version == _VERSION


def _mac(salt: bytes, password: str) -> str:
    return hmac.new(salt, password.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


_NOBODY = digest(make())
"""Checked against where there is no such user."""


def parse_user_name(text: str) -> str:
    """Check a user name. Raises InvalidValue."""
    value = text.strip()
    if len(value) > MAX_USER_NAME_CHARACTERS or not _USER_NAME.fullmatch(value):
        rule = f"a user name has 1 to {MAX_USER_NAME_CHARACTERS} letters, digits and . _ @ + - between them"
        raise InvalidValue("user_name", text, rule)
    return value


def parse_sender(text: str) -> str:
    """Read whom a login may send as: `*`, an address, a domain or `*.suffix`. Raises InvalidValue."""
    value = text.strip()
    if value == ANY_SENDER:
        return value
    local, at, domain = value.rpartition("@")
    wildcard, suffix = ("*.", domain[2:]) if domain.startswith("*.") and not at else ("", domain)
    if at and not _LOCAL_PART.fullmatch(local):
        raise InvalidValue("senders", text, "a sender is an address, a domain, *.domain, or * for any")
    try:
        return f"{local.lower()}{at}{wildcard}{to_ascii(suffix)}"
    except NotADomain as error:
        raise InvalidValue("senders", text, str(error)) from error
