"""The one `Received` line that is put on top of an accepted message (RFC 5321 section 4.4)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

# A HELO name is a domain or an address literal; whatever else a client says must not end comment or line.
_UNSAFE = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_MAX_NAME = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Whom a message came from."""

    name: str
    """As said in HELO or EHLO."""
    address: str
    """IP address without brackets."""
    protocol: str
    """ESMTPSA and the like (RFC 5321 section 4.4, RFC 3848, RFC 6531 section 3.7.3)."""
    tls: str = ""
    """`version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384`, or empty."""


def received_line(client: Client, *, fqdn: str, token: str, at: datetime) -> bytes:
    """Return the field with its CRLF, folded; `at` is an aware time, written in UTC.

    `Received: from <name> ([address]) by <fqdn> with <protocol> (<tls>) id <token>; date`.
    """
    tls = f" ({client.tls})" if client.tls else ""
    name = _UNSAFE.sub("?", client.name[:_MAX_NAME]) or "unknown"
    return (
        f"Received: from {name} ({_literal(client.address)})\r\n"
        f"\tby {fqdn} with {client.protocol}{tls} id {token};\r\n"
        f"\t{_date(at.astimezone(UTC).replace(microsecond=0))}\r\n"
    ).encode("ascii", "replace")


def handed_in_line(door: str, *, fqdn: str, token: str, at: datetime) -> bytes:
    """The same without SMTP: `Received: from localhost by <fqdn> (<door>) id <token>; date`."""
    return (
        f"Received: from localhost\r\n"
        f"\tby {fqdn} ({door}) id {token};\r\n"
        f"\t{_date(at.astimezone(UTC).replace(microsecond=0))}\r\n"
    ).encode("ascii", "replace")


def _literal(address: str) -> str:
    """Return the address literal of RFC 5321 4.1.3."""
    safe = _UNSAFE.sub("?", address)
    return f"[IPv6:{safe}]" if ":" in safe else f"[{safe}]"


@lru_cache(maxsize=4)
def _date(at: datetime) -> str:
    """Format once a second, however many messages come in."""
    return format_datetime(at)
