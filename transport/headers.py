"""What is read from the header of a message for limits and display; the message itself is never parsed."""

import codecs
import re
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

from transport.cleaning import clean_text
from transport.envelope import Priority

MAX_HEADER_BYTES = 256 * 1024
"""exchange.md 10.1; nothing beyond it is looked at."""
_MAX_SUBJECT = 255
_MAX_MESSAGE_ID = 512
_MAX_FIELD_BYTES = 2048
"""How much of one field is decoded: it bounds what a hostile encoded word can cost."""

# Every pattern begins with a line feed: a literal that the regular expression engine searches for quickly.
_END = re.compile(rb"\n\r?\n")
_RECEIVED = re.compile(rb"\nreceived[ \t]*:", re.IGNORECASE)
_FIELD = re.compile(
    rb"\n(subject|message-id|x-priority|importance|priority)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE
)
_FIRST_WORD = re.compile(rb"[ \t\r\n]*([0-9A-Za-z-]+)")
_PRIORITIES: Mapping[bytes, Mapping[bytes, Priority]] = {
    b"x-priority": {
        b"1": Priority.HIGH,
        b"2": Priority.HIGH,
        b"3": Priority.NORMAL,
        b"4": Priority.LOW,
        b"5": Priority.LOW,
    },
    b"importance": {b"high": Priority.HIGH, b"normal": Priority.NORMAL, b"low": Priority.LOW},
    b"priority": {b"urgent": Priority.HIGH, b"normal": Priority.NORMAL, b"non-urgent": Priority.LOW},
}
"""Which word means what, the field that decides first in front."""
_IDENTIFIER = re.compile(r"<[^<>\s]+>")
# Python decodes these too, but no mail is written in them.
_NO_CHARSETS = frozenset(("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"))
_FOLD = re.compile(rb"\r?\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderSummary:
    """The header facts that lists and logs show: printable, one line each."""

    message_id: str = ""
    """Internet message id with its angle brackets, at most 512 characters; empty when there is none."""
    subject: str = ""
    """Decoded (RFC 2047), at most 255 characters."""
    priority: Priority = Priority.NORMAL
    """What X-Priority, Importance or Priority ask for (RFC 2156 5.3.4, 5.3.6, RFC 4021 2.1.54)."""


def count_received(content: bytes) -> int:
    """Return how many `Received` fields the header of `content` has: the hops it made (RFC 5321 6.3)."""
    return len(_RECEIVED.findall(_block(content)))


def summary(content: bytes) -> HeaderSummary:
    """Return what the header of `content` says; never raises, whatever the bytes are.

    Of a field that stands twice the first counts. Reads at most `MAX_HEADER_BYTES`.
    """
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(_block(content)):
        fields.setdefault(match[1].lower(), match[2])
    return HeaderSummary(
        message_id=_message_id(fields.get(b"message-id", b"")),
        subject=_subject(fields.get(b"subject", b"")),
        priority=_priority(fields),
    )


def header_bytes(content: bytes) -> int:
    """Return the size of the header, its blank line left out; of all `content` when no blank line ends it."""
    if content.startswith((b"\r\n", b"\n")):
        return 0
    end = _END.search(content)
    return end.start() + 1 if end else len(content)


def _block(content: bytes) -> bytes:
    """Return the header with a line feed in front, so that each field begins with one."""
    head = b"\n" + content[:MAX_HEADER_BYTES]
    end = _END.search(head)
    return head[: end.start() + 1] if end else head


def _message_id(field: bytes) -> str:
    text = clean_text(field[:_MAX_FIELD_BYTES], limit=_MAX_MESSAGE_ID)
    found = _IDENTIFIER.search(text)
    return found[0] if found else text


def _priority(fields: Mapping[bytes, bytes]) -> Priority:
    """Return what the first of these fields that says something asks for."""
    for name, words in _PRIORITIES.items():
        said = _FIRST_WORD.match(fields.get(name, b""))
        if said and said[1].lower() in words:
            return words[said[1].lower()]
    return Priority.NORMAL


def _subject(field: bytes) -> str:
    text = _FOLD.sub(b"", field[:_MAX_FIELD_BYTES]).decode("utf-8", "replace")
    return clean_text(_decode_words(text) if "=?" in text else text, limit=_MAX_SUBJECT)


def _decode_words(text: str) -> str:
    """Decode RFC 2047 words; text that cannot be decoded is shown as it stands."""
    try:
        parts = decode_header(text)
    except (HeaderParseError, Base64Error, ValueError):
        return text
    return "".join(_decode_part(part, charset=charset) for part, charset in parts)


def _decode_part(part: bytes | str, *, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    if charset is None:
        # decode_header hands the plain stretches back in this codec.
        return part.decode("raw-unicode-escape", "replace")
    try:
        known = codecs.lookup(charset).name not in _NO_CHARSETS
        return part.decode(charset if known else "utf-8", "replace")
    except (LookupError, ValueError):
        return part.decode("utf-8", "replace")
