"""Writes a new message from its parts: strict header fields, everything else in base64.

What cannot stand in a header is refused, never mended: whoever hands it in finds out, and no reader of the
message sees another header than was meant (attack A23).
"""

import re
import secrets
import unicodedata
from base64 import b64encode, encodebytes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

MAX_SUBJECT_CHARACTERS = 500
MAX_NAME_CHARACTERS = 200
MAX_FILE_NAME_CHARACTERS = 200
MAX_ATTACHMENTS = 50
FOLD_AT = 76
_NEVER = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Categories of Unicode that end a line somewhere, or are no characters at all."""
_ENCODED_WORD_BYTES = 42
"""In base64, with `=?utf-8?b?` and `?=` around it, it fits into the 75 of RFC 2047."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Unwritable(ValueError):  # noqa: N818 - what was found
    """A part of a message that cannot be written; `field` names it, the text is the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule)
        self.field = field


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailbox:
    """Whom a message is from or to."""

    address: str
    """Judged before; non-ASCII ones make a message that needs SMTPUTF8."""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    file_name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A message that is to be written."""

    sender: Mailbox
    to: Sequence[Mailbox] = ()
    cc: Sequence[Mailbox] = ()
    reply_to: Sequence[Mailbox] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: Sequence[Attachment] = ()


def write(draft: Draft, *, message_id: str, at: datetime) -> bytes:
    """The message as CRLF lines. `message_id` has its angle brackets. Raises Unwritable."""
    people = (("From", [draft.sender]), ("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to))
    head = [
        *(_people(name, mailboxes) for name, mailboxes in people if mailboxes),
        *([] if draft.to or draft.cc else ["To: Undisclosed recipients:;"]),
        f"Subject: {_subject(draft.subject)}",
        f"Date: {format_datetime(at.astimezone(UTC))}",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
    ]
    lines = [*head, *_body(draft)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def one_line(text: str, *, field: str, most: int) -> str:
    """Return the text as it is; raises Unwritable for line ends, controls, surrogates, and over-long text."""
    if any(unicodedata.category(character) in _NEVER for character in text):
        raise Unwritable(field, "it must be one line without control characters")
    if len(text) > most:
        raise Unwritable(field, f"it has {len(text)} characters; {most} are allowed")
    return text


def _people(name: str, mailboxes: Sequence[Mailbox]) -> str:
    field = name.lower().replace("-", "_")
    return f"{name}: " + ",\r\n ".join(_mailbox(one, field=field) for one in mailboxes)


def _mailbox(mailbox: Mailbox, *, field: str) -> str:
    address = one_line(mailbox.address, field=field, most=320)
    name = one_line(mailbox.name, field=field, most=MAX_NAME_CHARACTERS).strip()
    if not name:
        return f"<{address}>" if address.startswith('"') else address
    if name.isascii() and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"\r\n <{address}>' if len(escaped) > FOLD_AT else f'"{escaped}" <{address}>'
    return f"{_encoded(name)}\r\n <{address}>"


def _subject(subject: str) -> str:
    text = one_line(subject, field="subject", most=MAX_SUBJECT_CHARACTERS)
    plain = text.isascii() and "=?" not in text and text == text.strip()
    return text if plain and len(text) <= FOLD_AT - len("Subject: ") else _encoded(text) if text else ""


def _encoded(text: str) -> str:
    """Encoded words of RFC 2047, each of whole characters, on lines of their own."""
    words, word = [], b""
    for character in text:
        octets = character.encode()
        if len(word) + len(octets) > _ENCODED_WORD_BYTES:
            words.append(word)
            word = b""
        word += octets
    return "\r\n ".join(f"=?utf-8?b?{b64encode(one).decode()}?=" for one in (*words, word))


def _body(draft: Draft) -> Iterator[str]:
    if not draft.attachments:
        yield from _words(draft)
        return
    if len(draft.attachments) > MAX_ATTACHMENTS:
        rule = f"there are {len(draft.attachments)}; {MAX_ATTACHMENTS} are allowed"
        raise Unwritable("attachments", rule)
    yield from _multipart("mixed", [list(_words(draft)), *map(list, map(_attachment, draft.attachments))])


def _words(draft: Draft) -> Iterator[str]:
    """Plain text, HTML, or both as alternatives, the plain one first (RFC 2046 section 5.1.4)."""
    text, html = list(_text("plain", draft.text)), list(_text("html", draft.html))
    if draft.text and draft.html:
        yield from _multipart("alternative", [text, html])
    else:
        yield from html if draft.html else text


def _multipart(kind: str, parts: Sequence[Sequence[str]]) -> Iterator[str]:
    # No line of base64 begins with a hyphen.
    boundary = f"=_{secrets.token_hex(16)}"
    yield f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"'
    yield ""
    for part in parts:
        yield f"--{boundary}"
        yield from part
    yield f"--{boundary}--"


def _text(kind: str, text: str) -> Iterator[str]:
    content = _LINE_END.sub("\r\n", text)
    yield f"Content-Type: text/{kind}; charset=utf-8"
    try:
        yield from _base64(content.encode())
    except UnicodeEncodeError:
        raise Unwritable("text" if kind == "plain" else kind, "it holds half a character") from None


def _attachment(attachment: Attachment) -> Iterator[str]:
    name = one_line(attachment.file_name, field="attachments", most=MAX_FILE_NAME_CHARACTERS)
    media_type = attachment.media_type
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.lower().startswith(("multipart/", "message/")):
        raise Unwritable("attachments", f"content type {media_type[:80]!r} cannot be attached")
    yield f"Content-Type: {media_type}"
    yield "Content-Disposition: attachment" + (_file_name(name) if name else "")
    yield from _base64(attachment.content)


def _file_name(name: str) -> str:
    """The parameter in the form of RFC 2231: percent signs, no quoting, in pieces that fit a line."""
    pieces = list(_whole_triplets(f"utf-8''{quote(name, safe='')}"))
    if len(pieces) == 1:
        return f";\r\n filename*={pieces[0]}"
    return "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _whole_triplets(quoted: str) -> Iterator[str]:
    """Cut at 50 characters, but never inside of `%C3`."""
    while quoted:
        size = min(50, len(quoted))
        size -= next((back for back in (1, 2) if quoted[size - back] == "%" and size < len(quoted)), 0)
        yield quoted[:size]
        quoted = quoted[size:]


def _base64(content: bytes) -> Iterator[str]:
    yield "Content-Transfer-Encoding: base64"
    yield ""
    yield from encodebytes(content).decode().splitlines() or [""]
