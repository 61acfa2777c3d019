"""What a host offers in its answer to EHLO."""

from collections.abc import Iterable
from dataclasses import dataclass

_SIZE_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Extensions:
    """The extensions that matter for sending; all absent after HELO."""

    pipelining: bool = False
    """RFC 2920."""
    eight_bit: bool = False
    """8BITMIME, RFC 6152."""
    smtputf8: bool = False
    """RFC 6531."""
    dsn: bool = False
    """RFC 3461."""
    starttls: bool = False
    """RFC 3207."""
    size: bool = False
    """RFC 1870: MAIL may carry SIZE=."""
    size_limit_bytes: int | None = None
    """None when the host named no limit."""
    auth: frozenset[str] = frozenset()
    """SASL mechanisms in upper case, RFC 4954."""


def read_extensions(lines: Iterable[str]) -> Extensions:
    """Return what the lines after the first of an EHLO reply announce; unknown ones are ignored."""
    found: dict[str, list[str]] = {}
    for line in lines:
        # "AUTH=LOGIN" is how servers from before RFC 2554 wrote it.
        keyword, *parameters = line.upper().replace("AUTH=", "AUTH ", 1).split()[:50] or [""]
        found.setdefault(keyword, []).extend(parameters)
    return Extensions(
        pipelining="PIPELINING" in found,
        eight_bit="8BITMIME" in found,
        smtputf8="SMTPUTF8" in found,
        dsn="DSN" in found,
        starttls="STARTTLS" in found,
        size="SIZE" in found,
        size_limit_bytes=_size_limit(found.get("SIZE", [])),
        auth=frozenset(found.get("AUTH", [])),
    )


def _size_limit(parameters: list[str]) -> int | None:
    """Zero means no fixed limit (RFC 1870 section 4); nonsense is read as none."""
    value = parameters[0] if parameters else ""
    if not (value.isascii() and value.isdigit() and len(value) <= _SIZE_DIGITS):
        return None
    return int(value) or None
