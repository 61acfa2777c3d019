"""The third part of a report: the original, whole where that is legal, else its headers."""

import re
from binascii import b2a_qp

from transport.bounces.report import Report
from transport.line_ends import only_crlf

MAX_HEAD_BYTES = 64 * 1024
_END_OF_HEAD = re.compile(rb"(?:^|\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_OVERLONG_FIRST_LINE = re.compile(rb"[^\n]{1000}")
_OVERLONG_LINE = re.compile(rb"\n[^\n]{1000}")
"""More than 998 bytes before CR LF."""


def head_of(original: bytes) -> bytes:
    """Take the header fields, at most 64 KiB of them, ended at a line."""
    bounded = original[: MAX_HEAD_BYTES + 1]
    end = _END_OF_HEAD.search(bounded)
    if end is not None:
        return bounded[: end.start()]
    if len(bounded) <= MAX_HEAD_BYTES:
        return bounded
    return bounded[: max(bounded.rfind(b"\n"), 0)].removesuffix(b"\r") or bounded[:MAX_HEAD_BYTES]


def returned_part(report: Report) -> bytes:
    """Write the part with its own header, ended by CRLF."""
    head = head_of(report.original)
    kind = _kind_of_copy(report, head)
    if kind is None:
        return _global_headers(head) if _may_be_global(report, head) else _headers(head)
    transfer = b"7bit" if report.original.isascii() else b"8bit"
    ending = b"" if report.original.endswith(b"\r\n") else b"\r\n"
    return (
        b"Content-Type: " + kind + b"\r\n"
        b"Content-Description: Undelivered message\r\n"
        b"Content-Transfer-Encoding: " + transfer + b"\r\n\r\n" + report.original + ending
    )


def _kind_of_copy(report: Report, head: bytes) -> bytes | None:
    """Choose the media type of a whole copy; None when only the headers can or may go back."""
    whole = len(report.original) >= report.original_size_bytes
    if not whole or report.original_size_bytes > report.max_copy_bytes or not _is_legal(report.original):
        return None
    if head.isascii() or not report.smtputf8:
        return b"message/rfc822"
    # UTF-8 headers may only travel in a report that itself needs SMTPUTF8 (RFC 6533 section 4).
    return b"message/global" if report.international else None


def _is_legal(content: bytes) -> bool:
    """Tell whether 7bit or 8bit may be declared: CRLF lines, none too long, no NUL (RFC 2045 section 2)."""
    if b"\0" in content or not only_crlf(content):
        return False
    return not (_OVERLONG_FIRST_LINE.match(content) or _OVERLONG_LINE.search(content))


def _may_be_global(report: Report, head: bytes) -> bool:
    """Tell whether the headers can go back as they are, in UTF-8."""
    return (
        report.international and report.smtputf8 and _charset(head) == b"utf-8" and _is_legal(head + b"\r\n")
    )


def _global_headers(head: bytes) -> bytes:
    return (
        b"Content-Type: message/global-headers\r\n"
        b"Content-Description: Headers of the message\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n" + head + b"\r\n"
    )


def _headers(head: bytes) -> bytes:
    """Write headers so that no byte of them can do harm: quoted-printable even holds a NUL."""
    lines = [_quoted(line) for line in _LINE_END.split(head)]
    return (
        b'Content-Type: text/rfc822-headers; charset="' + _charset(head) + b'"\r\n'
        b"Content-Description: Headers of the message\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
    )


def _quoted(line: bytes) -> bytes:
    return b2a_qp(line, quotetabs=False, istext=False).replace(b"=\n", b"=\r\n")


def _charset(head: bytes) -> bytes:
    if head.isascii():
        return b"us-ascii"
    try:
        head.decode()
    except UnicodeDecodeError:
        return b"unknown-8bit"
    return b"utf-8"
