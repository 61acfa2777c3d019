"""Writes a non-delivery report: three parts, of which people, programs and administrators each read one."""

import textwrap
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from transport.bounces.cleaning import (
    address_line,
    ascii_line,
    fold,
    host_name,
    message_id,
    one_line,
    status,
    typed_address,
    unstructured,
)
from transport.bounces.explanations import explain
from transport.bounces.original import head_of, returned_part
from transport.bounces.report import RecipientFailure, Report
from transport.envelope import Reply

SEVEN_BIT = SMTP.clone(cte_type="7bit")
MAX_SUBJECT_CHARACTERS = 255
MAX_SHOWN_HEADER_LINES = 100
MAX_SHOWN_LINE_CHARACTERS = 500


def non_delivery_report(report: Report) -> bytes:
    """Write the report as CRLF lines, to be sent to `report.sender` with the null sender.

    It is 7-bit unless the copy of the original is not, or the sender's address is not ASCII: then the
    envelope needs 8BITMIME, or SMTPUTF8 with it.
    """
    parts = (_human_part(report), _status_part(report), returned_part(report))
    token = _token(report, parts)
    boundary = f"report-{token}".encode()
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    eight_bit = not body.isascii()
    return (
        _header(report, token=token, eight_bit=eight_bit).encode()
        + b"\r\nThis is a report in the format of RFC 3464.\r\n\r\n"
        + body
        + b"--"
        + boundary
        + b"--\r\n"
    )


def _token(report: Report, parts: tuple[bytes, ...]) -> str:
    """Make the boundary and the Message-ID: no content can hold the digest of itself."""
    digest = sha256(report.now.isoformat().encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:40]


def _header(report: Report, *, token: str, eight_bit: bool) -> str:
    server = host_name(report.reporting_mta) or "localhost"
    subject = one_line(report.subject, limit=MAX_SUBJECT_CHARACTERS)
    original_id = message_id(report.original_message_id)
    threading = fold("In-Reply-To", original_id) + fold("References", original_id) if original_id else ""
    return (
        f"From: Mail Delivery Service <postmaster@{server}>\r\n"
        f"To: <{address_line(report.sender)}>\r\n"
        f"{unstructured('Subject', f'Undeliverable: {subject}'.rstrip())}"
        f"Date: {format_datetime(report.now)}\r\n"
        f"Message-ID: <{token}@{server}>\r\n"
        f"{threading}"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        f' boundary="report-{token}"\r\n'
        f"Content-Transfer-Encoding: {'8bit' if eight_bit else '7bit'}\r\n"
    )


def _human_part(report: Report) -> bytes:
    part = EmailMessage(policy=SEVEN_BIT)
    part.set_content("\n".join([*_for_the_sender(report), "", *_for_administrators(report)]) + "\n")
    del part["MIME-Version"]
    return part.as_bytes()


def _for_the_sender(report: Report) -> Iterator[str]:
    subject = one_line(report.subject, limit=MAX_SUBJECT_CHARACTERS)
    yield f"Your message could not be delivered to {_whom(report.recipients)}"
    for failure in report.recipients:
        happened, remedy = explain(failure.reply)
        yield ""
        yield address_line(failure.address)
        yield from textwrap.wrap(f"{happened} {remedy}", 72, initial_indent="  ", subsequent_indent="  ")
    yield ""
    if subject:
        yield f"Subject: {subject}"
    yield f"Sent: {format_datetime(report.arrived_at)}"


def _whom(recipients: tuple[RecipientFailure, ...]) -> str:
    return "this recipient:" if len(recipients) == 1 else f"these {len(recipients)} recipients:"


def _for_administrators(report: Report) -> Iterator[str]:
    """Follow Exchange's layout (exchange.md 7.5)."""
    yield "-" * 60
    yield "Diagnostic information for administrators"
    yield ""
    yield f"Generating server: {one_line(report.reporting_mta)}"
    for failure in report.recipients:
        yield ""
        yield address_line(failure.address)
        if remote := _remote(failure.reply):
            yield f"Remote server: {remote}"
        yield one_line(failure.reply.line)
    yield ""
    yield "Original message headers:"
    yield ""
    yield from _shown_headers(report.original)


def _remote(reply: Reply) -> str:
    """Name the host that refused, with the address that was dialled."""
    if not reply.remote or not reply.host:
        return ""
    address = f" ({one_line(reply.address, limit=80)})" if reply.address else ""
    return f"{one_line(reply.host, limit=255)}{address}"


def _shown_headers(original: bytes) -> Iterator[str]:
    lines = head_of(original).decode("utf-8", "replace").splitlines()
    for line in lines[:MAX_SHOWN_HEADER_LINES]:
        indent = "  " if line[:1] in {" ", "\t"} else ""
        yield indent + one_line(line, limit=MAX_SHOWN_LINE_CHARACTERS)
    if len(lines) > MAX_SHOWN_HEADER_LINES:
        yield f"({len(lines) - MAX_SHOWN_HEADER_LINES} more lines)"


def _status_part(report: Report) -> bytes:
    """Write what programs read: fields about the message, then a group for every recipient (RFC 3464)."""
    about_message = (
        fold("Reporting-MTA", f"dns; {host_name(report.reporting_mta) or 'localhost'}")
        + f"Arrival-Date: {format_datetime(report.arrived_at)}\r\n"
    )
    groups = (_recipient_group(failure) for failure in report.recipients)
    header = "Content-Type: message/delivery-status\r\nContent-Description: Delivery report\r\n"
    return "\r\n".join([header, about_message, *groups]).encode("ascii")


def _recipient_group(failure: RecipientFailure) -> str:
    reply = failure.reply
    remote = host_name(reply.host) if reply.remote else ""
    return "".join(
        [
            fold("Final-Recipient", typed_address(failure.address)),
            "Action: failed\r\n",
            f"Status: {status(reply.code, reply.enhanced)}\r\n",
            fold("Remote-MTA", f"dns; {remote}") if remote else "",
            fold("Diagnostic-Code", f"smtp; {ascii_line(reply.line)}"),
            f"Last-Attempt-Date: {format_datetime(failure.attempted_at)}\r\n" if failure.attempted_at else "",
        ],
    )
