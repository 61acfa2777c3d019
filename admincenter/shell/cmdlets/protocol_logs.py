"""Get-ProtocolLog, Get-ProtocolLogEvent and Export-ProtocolLog: what was said in SMTP sessions.

Exchange has no cmdlets for its protocol logs; these are named the way its others are.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path

from django.utils import timezone

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.exporting import EXPORTED_LOG, FORCE, LOG_PATH, write_file
from admincenter.shell.cmdlets.selecting import DEFAULT_RESULT_SIZE, RESULT_SIZE_LIMIT
from admincenter.shell.parameters import TEXT, TEXTS, TIME, Parameter, integer, one_of
from admincenter.shell.rows import Column, Row, RowType
from transport.log_rooms import all_rooms
from transport.protocol_log import Direction, reading

USUAL_RANGE = timedelta(days=1)


class Which(StrEnum):
    """The two logs, as an administrator names them."""

    SEND = "Send"
    RECEIVE = "Receive"


_WORDS = {Direction.SEND: Which.SEND.value, Direction.RECEIVE: Which.RECEIVE.value}
DIALOGUE = RowType(
    name="protocol log",
    table=("Start", "SessionId", "Direction", "Connector", "RemoteEndpoint", "MessageCount", "LastError"),
    columns=(
        Column(name="SessionId", read=lambda one: one.session_id),
        Column(name="Direction", read=lambda one: _WORDS[one.direction], choices=tuple(_WORDS.values())),
        Column(name="Connector", read=lambda one: one.connector),
        Column(name="Start", read=lambda one: one.start, kind=Kind.TIME),
        Column(name="End", read=lambda one: one.end, kind=Kind.TIME),
        Column(name="LocalEndpoint", read=lambda one: one.local_endpoint),
        Column(name="RemoteEndpoint", read=lambda one: one.remote_endpoint),
        Column(name="RemoteHost", read=lambda one: one.remote_host),
        Column(name="EventCount", read=lambda one: one.lines, kind=Kind.NUMBER),
        Column(name="MessageCount", read=lambda one: one.messages, kind=Kind.NUMBER),
        Column(name="LastError", read=lambda one: one.last_reply),
    ),
)
EVENT = RowType(
    name="protocol log event",
    table=("SequenceNumber", "Event", "Data", "Context"),
    columns=(
        Column(name="DateTime", read=lambda one: one.date_time, kind=Kind.TIME),
        Column(name="Direction", read=lambda one: _WORDS[one.direction], choices=tuple(_WORDS.values())),
        Column(name="Connector", read=lambda one: one.connector),
        Column(name="SessionId", read=lambda one: one.session_id),
        Column(name="SequenceNumber", read=lambda one: one.sequence_number, kind=Kind.NUMBER),
        Column(name="LocalEndpoint", read=lambda one: one.local_endpoint),
        Column(name="RemoteEndpoint", read=lambda one: one.remote_endpoint),
        Column(name="Event", read=lambda one: one.event),
        Column(name="Data", read=lambda one: one.data),
        Column(name="Context", read=lambda one: one.context),
    ),
)
SESSION_ID = Parameter(
    name="SessionId", kind=TEXT, position=0, help="One session: 16 hex digits, as SourceContext has them."
)
SESSION_IDS = Parameter(
    name="SessionId",
    kind=TEXTS,
    position=0,
    help="The sessions, each 16 hex digits.",
    from_pipeline=True,
)
MESSAGE = Parameter(
    name="InternalMessageId",
    kind=integer(lowest=1, highest=2**59),
    help="The sessions in which this message came in or was sent.",
)
HOST = Parameter(
    name="RemoteHost", kind=TEXT, help="The other side: an IP address, address:port, or a host name."
)
CONNECTOR = Parameter(name="Connector", kind=TEXT, help="Name of the connector.")
DIRECTION = Parameter(name="Direction", kind=one_of(Which), help="One of the two logs. Default: both.")
START = Parameter(
    name="Start",
    kind=TIME,
    help="The first moment that is looked at. Default: a day ago, or the oldest for a session or message.",
)
END = Parameter(name="End", kind=TIME, help="The last one. Default: now.")


class GetProtocolLog(Cmdlet):
    """Lists sessions."""

    name = "Get-ProtocolLog"
    synopsis = "Lists the SMTP sessions in the protocol logs of this server, the oldest first."
    remarks = (
        "Sessions of connectors with ProtocolLoggingLevel Verbose are logged, on the machine of their server."
        " Get-ProtocolLogEvent shows what was said."
    )
    examples = (
        "Get-ProtocolLog -InternalMessageId 1001 | Get-ProtocolLogEvent",
        "Get-ProtocolLog -RemoteHost mx1.fabrikam.com -Start '2026-11-23 16:00'",
    )
    parameters = (SESSION_ID, MESSAGE, HOST, CONNECTOR, DIRECTION, START, END, RESULT_SIZE_LIMIT)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them."""
        del rows
        start = self.bound.get(START)
        if start is None and not self.bound.given(SESSION_ID, MESSAGE):
            start = timezone.now() - USUAL_RANGE
        wanted = reading.Wanted(
            start=start,
            end=self.bound.get(END),
            session_id=self.bound.get(SESSION_ID) or "",
            message_id=self.bound.get(MESSAGE),
            host=self.bound.get(HOST) or "",
            connector=self.bound.get(CONNECTOR) or "",
        )
        found = iter(reading.dialogues(_places(self.bound.get(DIRECTION)), wanted))
        size: int | None = DEFAULT_RESULT_SIZE
        if self.bound.given(RESULT_SIZE_LIMIT):
            size = self.bound.get(RESULT_SIZE_LIMIT)
        yield from map(DIALOGUE.row, islice(found, size))
        if next(found, None) is not None:
            self.shell.console.note(f"There are more than {size}: -ResultSize unlimited gives all.")


class GetProtocolLogEvent(Cmdlet):
    """Shows dialogues."""

    name = "Get-ProtocolLogEvent"
    synopsis = "Shows what was said in SMTP sessions, line by line."
    remarks = (
        "Event: + connected, - disconnected, > sent, < received, * information. Passwords and the content of"
        " messages are never logged."
    )
    examples = (
        "Get-ProtocolLogEvent 00000000002A0001",
        "Get-ProtocolLog -RemoteHost 192.0.2.25 | Get-ProtocolLogEvent | Export-ProtocolLog -Path SEND.log",
    )
    parameters = (SESSION_IDS,)
    accepts = (DIALOGUE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give the lines, session after session."""
        named = self.bound.get(SESSION_IDS)
        if rows is not None and named:
            self.refuse("-SessionId and the pipeline exclude each other", SESSION_IDS)
        session_ids = [row.source.session_id for row in rows] if rows is not None else list(named or ())
        if rows is None and not session_ids:
            self.refuse("Get-ProtocolLogEvent needs -SessionId, or sessions from Get-ProtocolLog")
        yield from map(EVENT.row, reading.entries(_places(None), session_ids))


class ExportProtocolLog(Cmdlet):
    """Writes a file."""

    name = "Export-ProtocolLog"
    synopsis = "Writes what was said in SMTP sessions into a file in Exchange's protocol log format."
    remarks = (
        "The file is readable by you alone. It is a log for programs; a spreadsheet must take it as text."
    )
    examples = (
        "Get-ProtocolLog -InternalMessageId 1001 | Get-ProtocolLogEvent | Export-ProtocolLog SEND.log",
    )
    parameters = (LOG_PATH, FORCE)
    accepts = (EVENT,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Write the lines as they come."""
        if rows is None:
            self.refuse("Export-ProtocolLog needs events from Get-ProtocolLogEvent")
        written = self.bound.get(LOG_PATH)
        path = Path(written or "")
        entries = [row.source for row in rows]
        write_file(self, path, reading.lines(entries, now=timezone.now()), path=LOG_PATH)
        yield EXPORTED_LOG.row((path, len(entries)))


def _places(which: Which | None) -> list[reading.Place]:
    return [(direction, room.folder) for direction, room in all_rooms() if which in (None, _WORDS[direction])]
