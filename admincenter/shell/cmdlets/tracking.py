"""Get- and Export-MessageTrackingLog: what happened to messages, however long they are gone."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.utils import timezone

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.exporting import EXPORTED_LOG, FORCE, LOG_PATH, write_file
from admincenter.shell.cmdlets.selecting import DEFAULT_RESULT_SIZE, RESULT_SIZE_LIMIT, SERVER
from admincenter.shell.parameters import TEXT, TEXTS, TIME, Parameter, integer, one_of
from admincenter.shell.rows import Column, Row, RowType, Size
from transport import tracking
from transport.models import TransportServer
from transport.tracking import files

TRACKING_EVENT = RowType(
    name="message tracking event",
    table=("Timestamp", "EventId", "Source", "Sender", "Recipients", "MessageSubject"),
    columns=(
        Column(name="Timestamp", read=lambda one: one.date_time, kind=Kind.TIME),
        Column(name="ClientIp", read=lambda one: one.client_ip),
        Column(name="ClientHostname", read=lambda one: one.client_hostname),
        Column(name="ServerIp", read=lambda one: one.server_ip),
        Column(name="ServerHostname", read=lambda one: one.server_hostname),
        Column(name="SourceContext", read=lambda one: one.source_context),
        Column(name="ConnectorId", read=lambda one: one.connector_id),
        Column(name="Source", read=lambda one: one.source),
        Column(name="EventId", read=lambda one: one.event_id),
        Column(name="InternalMessageId", read=lambda one: one.internal_message_id, kind=Kind.NUMBER),
        Column(name="MessageId", read=lambda one: one.message_id),
        Column(name="NetworkMessageId", read=lambda one: one.network_message_id),
        Column(name="Recipients", read=lambda one: one.recipients),
        Column(name="RecipientStatus", read=lambda one: one.recipient_status),
        Column(
            name="TotalBytes",
            read=lambda one: None if one.total_bytes is None else Size(one.total_bytes),
            kind=Kind.SIZE,
        ),
        Column(name="RecipientCount", read=lambda one: len(one.recipients), kind=Kind.NUMBER),
        Column(name="Reference", read=lambda one: one.reference),
        Column(name="MessageSubject", read=lambda one: one.message_subject),
        Column(name="Sender", read=lambda one: one.sender_address),
        Column(name="ReturnPath", read=lambda one: one.return_path),
        Column(name="MessageInfo", read=lambda one: one.message_info, kind=Kind.TIME),
        Column(name="Directionality", read=lambda one: one.directionality),
        Column(name="OriginalClientIp", read=lambda one: one.original_client_ip),
        Column(name="EventData", read=lambda one: one.custom_data),
    ),
)
START = Parameter(name="Start", kind=TIME, help="The first moment that is looked at. Default: the oldest.")
END = Parameter(name="End", kind=TIME, help="The last one. Default: now.")
EVENT_ID = Parameter(name="EventId", kind=one_of(tracking.EventId), help="What happened.")
SOURCE = Parameter(name="Source", kind=one_of(tracking.Source), help="Who did it.")
SENDER = Parameter(
    name="Sender",
    kind=TEXT,
    help="Address of the sender; * at its beginning or end stands for anything. The null sender is < and >.",
)
RECIPIENTS = Parameter(
    name="Recipients", kind=TEXTS, help="Addresses of recipients, any of them; * as for -Sender."
)
SUBJECT = Parameter(name="MessageSubject", kind=TEXT, help="A part of the subject.")
MESSAGE_ID = Parameter(name="MessageId", kind=TEXT, help="The Message-ID header; all of it.")
INTERNAL_ID = Parameter(
    name="InternalMessageId",
    kind=integer(lowest=1, highest=2**59),
    help="The number of the message here: the last part of its identity in a queue.",
    position=0,
)
NETWORK_ID = Parameter(name="NetworkMessageId", kind=TEXT, help="The NetworkMessageId of an event.")
REFERENCE = Parameter(
    name="Reference", kind=TEXT, help="What the event refers to: for a DSN, the Message-ID it is about."
)
NOTHING = -1
"""No message has this number."""


class GetMessageTrackingLog(Cmdlet):
    """Searches the log."""

    name = "Get-MessageTrackingLog"
    synopsis = "Lists what happened to messages, the oldest event first."
    remarks = (
        "A message by its number and a range of time are found at once. Senders, recipients, subjects and"
        " Message-IDs are looked for event by event: name -Start and -End where the log is large."
    )
    examples = (
        "Get-MessageTrackingLog -MessageId '<1@client.contoso.com>'",
        "Get-MessageTrackingLog -Start '2026-11-23 16:00' -EventId FAIL -Sender anna@contoso.com | fl",
        "Get-MessageTrackingLog -ResultSize unlimited | Export-MessageTrackingLog -Path MSGTRK.log",
    )
    parameters = (
        INTERNAL_ID,
        START,
        END,
        EVENT_ID,
        SOURCE,
        SENDER,
        RECIPIENTS,
        SUBJECT,
        MESSAGE_ID,
        NETWORK_ID,
        REFERENCE,
        SERVER,
        RESULT_SIZE_LIMIT,
    )

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them as they are found."""
        del rows
        self.refuse_together(INTERNAL_ID, NETWORK_ID)
        start, end = self.bound.get(START), self.bound.get(END)
        if start and end and start > end:
            self.refuse("-Start is later than -End", START)
        event, source = self.bound.get(EVENT_ID), self.bound.get(SOURCE)
        recipients = self.bound.get(RECIPIENTS)
        search = tracking.Search(
            start=start,
            end=end,
            servers=self._servers(),
            event=event or "",
            source=source or "",
            message_id=self._number(),
            internet_message_id=self.bound.get(MESSAGE_ID) or "",
            sender=self._pattern(SENDER),
            recipients=recipients or (),
            subject=self.bound.get(SUBJECT) or "",
            reference=self.bound.get(REFERENCE) or "",
        )
        return map(TRACKING_EVENT.row, self._limited(tracking.find(search)))

    def _servers(self) -> tuple[TransportServer, ...]:
        name = self.bound.get(SERVER) or self.shell.server
        servers = TransportServer.objects.order_by("name")
        found = tuple(servers if name == "*" else servers.filter(name__iexact=name))
        if not found:
            self.refuse(f"there is no transport server {name}; -Server * means all", SERVER)
        return found

    def _number(self) -> int | None:
        network_id = self.bound.get(NETWORK_ID)
        if network_id is None:
            return self.bound.get(INTERNAL_ID)
        number = tracking.message_number(network_id)
        return NOTHING if number is None else number

    def _pattern(self, parameter: Parameter[str]) -> str:
        pattern = self.bound.get(parameter) or ""
        if "*" in pattern[1:-1]:
            self.refuse(f"-{parameter.name}: * can only stand at the beginning and at the end", parameter)
        return pattern

    def _limited(self, found: Iterator[tracking.Tracked]) -> Iterator[tracking.Tracked]:
        size: int | None = DEFAULT_RESULT_SIZE
        if self.bound.given(RESULT_SIZE_LIMIT):
            size = self.bound.get(RESULT_SIZE_LIMIT)
        yield from islice(found, size)
        if size is not None and next(found, None) is not None:
            self.shell.console.note(f"There are more than {size}: -ResultSize unlimited gives all.")


class ExportMessageTrackingLog(Cmdlet):
    """Writes a file."""

    name = "Export-MessageTrackingLog"
    synopsis = "Writes events into a file in the format of Exchange's MSGTRK logs."
    remarks = (
        "The file is readable by you alone. It is a log for programs: ids and addresses stand in it exactly"
        " as they are. Open it in a spreadsheet only with an import that takes all columns as text."
    )
    examples = ("Get-MessageTrackingLog -Start 2026-11-23 | Export-MessageTrackingLog -Path MSGTRK.log",)
    parameters = (LOG_PATH, FORCE)
    accepts = (TRACKING_EVENT,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Write them as they come."""
        if rows is None:
            self.refuse("Export-MessageTrackingLog needs events from Get-MessageTrackingLog")
        written = self.bound.get(LOG_PATH)
        path, counted = Path(written or ""), _Counted(rows)
        write_file(self, path, files.lines(counted, now=timezone.now()), path=LOG_PATH)
        yield EXPORTED_LOG.row((path, counted.count))


class _Counted:
    """The events of rows, counted while they pass."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[tracking.Tracked]:
        for row in self._rows:
            self.count += 1
            yield row.source
