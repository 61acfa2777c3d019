"""The header of a message as fields, and whose message it is; bytes in, bytes out, nothing decoded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from transport.headers import header_bytes

MAX_FROM_BYTES = 4096
"""Of a From field; what is longer has no author domain."""
_FROM = re.compile(rb"\nfrom[ \t]*:", re.IGNORECASE)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*\n(?:[ \t][^\n]*\n)*)")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT = re.compile(rb"\((?:[^()\\]|\\.)*\)", re.DOTALL)
_MAX_COMMENT_DEPTH = 8
_IN_BRACKETS = re.compile(rb"<[^<>]*@([^<>@]*)>")
_BARE = re.compile(rb"@([^\s,;<>@]+)")
_SIGNING_DOMAIN = re.compile(rb"(?:^|;)\s*d\s*=\s*([^\s;]+)", re.IGNORECASE)


class Unreadable(ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """The header does not say what is needed; the message is a clause for the log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One header field."""

    name: bytes
    """In lower case."""
    value: bytes
    """What stands behind the colon, with all line ends."""


def header_of(content: bytes) -> bytes:
    """Give the header with the line end of its last line, without the blank line."""
    return content[: header_bytes(content)]


def author_domain(header: bytes) -> bytes:
    """Give the domain of the first address in the header From, in lower case; empty when there is none.

    Two From fields have no author: receivers would show now the one, now the other.
    """
    # Every field begins behind a line feed: a literal that the regular expression engine finds quickly.
    block = b"\n" + header
    found = [match.end() for match in _FROM.finditer(block)]
    if len(found) != 1:
        return b""
    value = _unfolded(block, at=found[0])
    return _first_domain(value) if len(value) <= MAX_FROM_BYTES else b""


def _first_domain(value: bytes) -> bytes:
    """Find it outside quoted strings and comments (RFC 5322 section 3.4), which may hold anything."""
    if b'"' in value:
        value = _QUOTED.sub(b"x", value)
    for _ in range(_MAX_COMMENT_DEPTH):
        value, found = _COMMENT.subn(b" ", value)
        if not found:
            break
    if b'"' in value or b"(" in value:
        return b""
    match = _IN_BRACKETS.search(value) if b"<" in value else _BARE.search(value)
    return match[1].strip().rstrip(b".").lower() if match else b""


def _unfolded(header: bytes, *, at: int) -> bytes:
    """Give the value that begins here, its continuation lines too."""
    end = at
    while True:
        end = header.find(b"\n", end) + 1
        if not end:
            return header[at:]
        if header[end : end + 1] not in (b" ", b"\t"):
            return header[at:end]


def fields_of(header: bytes) -> list[Field]:
    """Cut the header into its fields. Raises Unreadable when a line belongs to none."""
    fields, at = [], 0
    while at < len(header):
        match = _FIELD.match(header, at)
        if match is None:
            raise Unreadable("a line of the header is no field")
        fields.append(Field(name=match[1].lower(), value=match[2]))
        at = match.end()
    return fields


def signing_domains(fields: Iterable[Field]) -> frozenset[str]:
    """Give the domains that have signed, by the tag d= of each DKIM-Signature."""
    signatures = (field.value for field in fields if field.name == b"dkim-signature")
    found = (_SIGNING_DOMAIN.search(value) for value in signatures)
    return frozenset(match[1].decode("ascii", "replace").lower() for match in found if match)


def after_first_field(content: bytes) -> int:
    """Give the place behind the first field: 0 for a message that does not begin with a Received line."""
    if content[:9].lower() != b"received:":
        return 0
    return 9 + len(_unfolded(content, at=9))
