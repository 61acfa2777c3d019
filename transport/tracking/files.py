"""The message tracking log in the format of Exchange's MSGTRK files (exchange.md 9.3).

A log for programs: addresses and ids stand there exactly as they are. Texts that a stranger wrote freely
(subject, HELO name, replies) get an apostrophe in front where a spreadsheet would take them for a formula.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from transport.tracking.stories import Tracked

FIELDS = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,"
    "event-id,internal-message-id,message-id,network-message-id,recipient-address,recipient-status,"
    "total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,"
    "return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data"
)
_FORMULA = ("=", "+", "-", "@")


def lines(tracked: Iterable[Tracked], *, now: datetime) -> Iterator[bytes]:
    """Give the file line by line: Exchange's head, then an event each; UTF-8 with a byte order mark."""
    yield _head(now)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for one in tracked:
        writer.writerow(_fields(one))
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()


def _head(now: datetime) -> bytes:
    head = (
        "\ufeff#Software: Mail Flow Admin Center",
        "#Version: 15.0.0.0",
        "#Log-type: Message Tracking Log",
        f"#Date: {_stamp(now)}",
        f"#Fields: {FIELDS}",
    )
    return "".join(f"{line}\r\n" for line in head).encode()


def _fields(one: Tracked) -> tuple[object, ...]:
    return (
        _stamp(one.date_time),
        one.client_ip,
        _text(one.client_hostname),
        one.server_ip,
        _text(one.server_hostname),
        _text(one.source_context),
        one.connector_id,
        one.source,
        one.event_id,
        one.internal_message_id,
        one.message_id,
        one.network_message_id,
        ";".join(one.recipients),
        _text(";".join(one.recipient_status)),
        "" if one.total_bytes is None else one.total_bytes,
        len(one.recipients),
        "",
        one.reference,
        _text(one.message_subject),
        one.sender_address,
        one.return_path,
        _stamp(one.message_info) if one.message_info else "",
        one.directionality,
        "",
        one.original_client_ip,
        "",
        _text(one.custom_data),
    )


def _text(written: str) -> str:
    return f"'{written}" if written.startswith(_FORMULA) else written


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
