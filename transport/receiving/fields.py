"""The header of a message as lines of bytes: fields are read, taken out, put in front; none is re-written."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from transport.receiving.errors import Refused

_BAD = (550, "5.6.0")
_NAME = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:")
"""RFC 5322 section 2.2; the space before the colon is of section 4.5."""
_FOLD = re.compile(rb"\r\n(?=[ \t])")
SECRET = frozenset((b"bcc", b"resent-bcc"))
"""Names of fields that no recipient may see (RFC 5322 section 3.6.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field."""

    name: bytes
    """In lower case."""
    raw: bytes
    """With its name, its folding and its CRLF."""

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded (RFC 5322 section 2.2.3), without white space around it."""
        return _FOLD.sub(b"", self.raw).partition(b":")[2].strip(b" \t\r\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parted:
    """A message as header fields and what follows them."""

    fields: tuple[Field, ...]
    rest: bytes
    """From the blank line on."""

    def named(self, name: bytes) -> tuple[Field, ...]:
        """The fields of a name, which is given in lower case."""
        return tuple(field for field in self.fields if field.name == name)

    def joined(self, *, keep: Callable[[Field], bool], before: bytes = b"") -> bytes:
        """The message again: `before`, then the fields that are kept, as they were."""
        return b"".join([before, *(field.raw for field in self.fields if keep(field)), self.rest])


def part(content: bytes) -> Parted:
    """Part a message of CRLF lines; raises `Refused` where its header is none, or no blank line ends it."""
    end = 0 if content.startswith(b"\r\n") else content.find(b"\r\n\r\n") + 2
    if end == 1:
        raise Refused(*_BAD, "Message has no blank line between header and body")
    return Parted(fields=tuple(_fields(content[:end])), rest=content[end:])


def _fields(header: bytes) -> Iterator[Field]:
    start = 0
    for number, line in enumerate(_starts(header), start=1):
        match = _NAME.match(header, start)
        if match is None:
            raise Refused(*_BAD, f"Field {number} of the header has no name and colon")
        yield Field(name=match[1].lower(), raw=header[start:line])
        start = line


def _starts(header: bytes) -> Iterator[int]:
    """Where each field ends: at a line end that no white space follows."""
    end = -2
    while (end := header.find(b"\r\n", end + 2)) >= 0:
        if header[end + 2 : end + 3] not in (b" ", b"\t"):
            yield end + 2
