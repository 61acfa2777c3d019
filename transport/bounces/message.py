"""Writes a report: three parts, of which people, programs and administrators each read one (RFC 6522)."""

from email.utils import format_datetime
from hashlib import sha256

from transport.bounces.cleaning import address_line, fold, host_name, message_id, unstructured
from transport.bounces.original import returned_part
from transport.bounces.people import human_part, title
from transport.bounces.report import Report
from transport.bounces.status import status_part


def write(report: Report) -> bytes:
    """Write the report as CRLF lines, to be sent to `report.sender` with the null sender.

    It is 7-bit unless the copy of the original is not, or the sender's address is not ASCII: then the
    envelope needs 8BITMIME, or SMTPUTF8 with it.
    """
    parts = (human_part(report), status_part(report), returned_part(report))
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
    postmaster = f"postmaster@{host_name(report.postmaster_domain) or server}"
    original_id = message_id(report.original_message_id)
    threading = fold("In-Reply-To", original_id) + fold("References", original_id) if original_id else ""
    return (
        f"From: Mail Delivery Service <{postmaster}>\r\n"
        f"To: <{address_line(report.sender)}>\r\n"
        f"{unstructured('Subject', title(report))}"
        f"Date: {format_datetime(report.now)}\r\n"
        f"Message-ID: <{token}@{server}>\r\n"
        f"{threading}"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        f' boundary="report-{token}"\r\n'
        f"Content-Transfer-Encoding: {'8bit' if eight_bit else '7bit'}\r\n"
    )
