"""The second part of a report, which programs read: fields about the message and about each recipient.

RFC 3464; the same in UTF-8 where the report may be that (RFC 6533 section 4).
"""

from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from transport import dsn
from transport.bounces.cleaning import (
    ascii_line,
    fold,
    host_name,
    original_address,
    status,
    typed_address,
    utf8_line,
)
from transport.bounces.report import RecipientStatus, Report


def status_part(report: Report) -> bytes:
    """Write the part with its own header."""
    groups = ["".join(_message_fields(report))]
    groups += ["".join(_recipient_fields(report, recipient)) for recipient in report.recipients]
    body = "\r\n".join(groups)
    if body.isascii():
        header = "Content-Type: message/delivery-status\r\n"
    else:
        header = "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"
    return f"{header}Content-Description: Delivery report\r\n\r\n{body}".encode()


def _message_fields(report: Report) -> Iterator[str]:
    if report.envid:
        yield fold("Original-Envelope-Id", ascii_line(dsn.decode(report.envid)))
    yield fold("Reporting-MTA", f"dns; {host_name(report.reporting_mta) or 'localhost'}")
    yield _date("Arrival-Date", report.arrived_at)


def _recipient_fields(report: Report, recipient: RecipientStatus) -> Iterator[str]:
    reply, international = recipient.reply, report.international
    remote = host_name(reply.host) if reply.remote else ""
    if recipient.orcpt:
        yield fold("Original-Recipient", original_address(recipient.orcpt, international=international))
    yield fold("Final-Recipient", typed_address(recipient.address, international=international))
    yield f"Action: {report.action}\r\n"
    yield f"Status: {status(report.action, reply)}\r\n"
    if remote:
        yield fold("Remote-MTA", f"dns; {remote}")
    yield fold("Diagnostic-Code", f"smtp; {(utf8_line if international else ascii_line)(reply.line)}")
    if recipient.attempted_at:
        yield _date("Last-Attempt-Date", recipient.attempted_at)
    if report.retry_until:
        yield _date("Will-Retry-Until", report.retry_until)


def _date(name: str, at: datetime) -> str:
    return f"{name}: {format_datetime(at)}\r\n"
