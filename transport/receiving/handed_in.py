"""What mail that comes without SMTP has in common: line ends, limits, an origin, the fields it must have."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime

from transport.receiving.content import verify
from transport.receiving.errors import Refused
from transport.receiving.fields import Field, Parted
from transport.receiving.limits import Limits
from transport.receiving.trace import handed_in_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where and when a message came in."""

    door: str
    """Pickup, Replay or HTTP, as the Received line names it."""
    fqdn: str
    at: datetime
    new_token: Callable[[], str] = lambda: secrets.token_hex(8)


def with_crlf(content: bytes, *, limits: Limits) -> bytes:
    """Give the message with CRLF line ends and a last one; verified. Raises `Refused`.

    A file whose lines all end in LF is written so; one that mixes line ends is refused, as over SMTP.
    """
    if b"\r" not in content:
        content = content.replace(b"\n", b"\r\n")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    verify(content, limits=limits)
    return content


def completed(message: Parted, *, origin: Origin, keep: Callable[[Field], bool]) -> bytes:
    """Our Received line, the fields that are kept, and Message-ID and Date where they are missing."""
    token = origin.new_token()
    before = handed_in_line(origin.door, fqdn=origin.fqdn, token=token, at=origin.at)
    before += missing_fields(message, fqdn=origin.fqdn, token=token, at=origin.at)
    return message.joined(before=before, keep=keep)


def missing_fields(message: Parted, *, fqdn: str, token: str, at: datetime) -> bytes:
    """Date and Message-ID, unless the message has them (RFC 6409 section 8)."""
    fields = b""
    if not message.named(b"date"):
        fields += f"Date: {format_datetime(at.astimezone(UTC).replace(microsecond=0))}\r\n".encode()
    if not message.named(b"message-id"):
        fields += f"Message-ID: <{token}@{fqdn}>\r\n".encode("ascii", "replace")
    return fields


def without_hop_limit(limits: Limits) -> Limits:
    """For mail whose Received lines are taken out."""
    return replace(limits, max_hops=limits.max_header_bytes)


def too_many(count: int, *, most: int) -> Refused:
    """The refusal of a message for more recipients than one may have."""
    return Refused(552, "5.5.3", f"Message has {count} recipients; {most} are allowed")
