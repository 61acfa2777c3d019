"""Makes foreign text fit for a header field, a report field or a line of plain text."""

import re
from email.header import Header

from transport import dsn
from transport.cleaning import clean_text
from transport.envelope import Reply
from transport.states import Action

MAX_FIELD_CHARACTERS = 900
MAX_FIELD_BYTES = 900
"""A physical line holds 998 bytes (RFC 5322 section 2.1.1)."""
FOLD_AT = 76
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[A-Fa-f0-9.:]{2,45}\]|[A-Fa-f0-9:]{2,45}")


def one_line(text: str, *, limit: int = MAX_FIELD_CHARACTERS) -> str:
    """Write foreign text as one line without controls, direction marks and surrogates."""
    return clean_text(text, limit=limit)


def ascii_line(text: str, *, limit: int = MAX_FIELD_CHARACTERS) -> str:
    """Write one line in ASCII, `?` for everything else."""
    return one_line(text, limit=limit).encode("ascii", "replace").decode("ascii")


def utf8_line(text: str) -> str:
    """Write one line in UTF-8, short enough for a field that is not folded."""
    return one_line(text).encode()[:MAX_FIELD_BYTES].decode("utf-8", "ignore")


def address_line(address: str) -> str:
    """Write an envelope address for a header: what would end or split the field is gone."""
    return utf8_line(one_line(address, limit=320)).replace("<", "").replace(">", "")


def typed_address(address: str, *, international: bool) -> str:
    r"""Write `rfc822; bob@contoso.com` or `utf-8; josé@contoso.com` (RFC 6533 section 3).

    What is not `international` must stay in seven bits: `utf-8; jos\x{E9}@contoso.com`.
    """
    if address.isascii():
        return f"rfc822; {ascii_line(address, limit=320)}"
    line = address_line(address)
    return f"utf-8; {line if international else dsn.encode_utf8(line)[:MAX_FIELD_CHARACTERS]}"


def original_address(orcpt: str, *, international: bool) -> str:
    """Write the ORCPT of RFC 3461 as Original-Recipient of RFC 3464."""
    kind, address = dsn.original_recipient(orcpt)
    if kind.lower() == "utf-8" and not address.isascii():
        return typed_address(address, international=international)
    return f"{ascii_line(kind, limit=40)}; {ascii_line(address)}"


def failure_status(code: int, enhanced: str) -> str:
    """Take the enhanced code of a reply, or the class of its code when it gave none (RFC 3463).

    It says that mail failed, so success and nonsense become 5.0.0.
    """
    if _STATUS.fullmatch(enhanced) and enhanced[0] != "2":
        return enhanced
    return "4.0.0" if code // 100 == 4 else "5.0.0"  # noqa: PLR2004 -- the class digit of a 4yz


def status(action: Action, reply: Reply) -> str:
    """Return the Status field: 2.x.x for what was relayed, 4.x.x or 5.x.x for the rest."""
    if action is not Action.RELAYED:
        return failure_status(reply.code, reply.enhanced)
    success = _STATUS.fullmatch(reply.enhanced) and reply.enhanced[0] == "2"
    return reply.enhanced if success else "2.0.0"


def message_id(text: str) -> str:
    """Keep a well-formed Message-ID of sane length, else nothing."""
    return text if _MESSAGE_ID.fullmatch(text) else ""


def host_name(text: str) -> str:
    """Keep a host name or an address, else nothing; an address may stand in brackets."""
    return text if _HOST.fullmatch(text) else ""


def fold(name: str, value: str) -> str:
    """Write a field, broken at spaces near column 76 and ended by CRLF."""
    lines, line = [], f"{name}:"
    for word in value.split():
        if len(line) + 1 + len(word) > FOLD_AT and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]) + "\r\n"


def unstructured(name: str, value: str) -> str:
    """Write a field of free text; other than plain ASCII it becomes encoded words (RFC 2047)."""
    if value.isascii() and "=?" not in value:
        return fold(name, value)
    encoded = Header(value, "utf-8", header_name=name, maxlinelen=FOLD_AT).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n"
