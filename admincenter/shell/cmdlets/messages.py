"""Get-Message, and what a queued message looks like in the shell."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from django.db.models import Q

from admincenter.filtering import identities, messages
from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.queues import QUEUE
from admincenter.shell.cmdlets.selecting import (
    BATCH,
    RESULT_SIZE_LIMIT,
    SERVER,
    SERVER_FILTER,
    SORT_ORDER,
    filtered,
    limited,
    on_server,
    ordered,
)
from admincenter.shell.parameters import SWITCH, TEXT, Parameter
from admincenter.shell.rows import Column, Row, RowType, Size
from transport.models import QueuedMessage, Recipient
from transport.states import RecipientState

MESSAGE = RowType(
    name="message",
    table=("Identity", "FromAddress", "Status", "Queue", "Subject"),
    columns=(
        Column(name="Identity", read=lambda one: one.identity),
        Column(name="Queue", read=lambda one: one.queue.identity),
        Column(name="FromAddress", read=lambda one: one.message.mail_from or "<>"),
        Column(name="OriginalFromAddress", read=lambda one: one.message.original_from),
        Column(name="Status", read=lambda one: one.status, kind=Kind.CHOICE, choices=messages.STATUSES),
        Column(
            name="Priority",
            read=lambda one: one.priority_name,
            kind=Kind.CHOICE,
            choices=messages.PRIORITIES,
        ),
        Column(name="Size", read=lambda one: Size(one.message.size_bytes), kind=Kind.SIZE),
        Column(name="Subject", read=lambda one: one.message.subject),
        Column(name="InternetMessageId", read=lambda one: one.message.internet_message_id),
        Column(name="MessageSourceName", read=lambda one: one.message.source),
        Column(name="SourceIP", read=lambda one: one.message.client_address),
        Column(name="DateReceived", read=lambda one: one.entered_at, kind=Kind.TIME),
        Column(name="ExpirationTime", read=lambda one: one.expires_at, kind=Kind.TIME),
        Column(name="RetryCount", read=lambda one: one.retry_count, kind=Kind.NUMBER),
        Column(name="NextRetryTime", read=lambda one: one.next_retry_at, kind=Kind.TIME),
        Column(name="LastError", read=lambda one: one.last_error),
        Column(name="Recipients", read=lambda one: tuple(getattr(one, "shown_recipients", ()))),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=TEXT,
    position=0,
    help=r"SERVER\42\1001, SERVER\*\1001, or 1001 for that message in every queue.",
    from_pipeline=True,
)
QUEUE_NAME = Parameter(
    name="Queue",
    kind=TEXT,
    help=r"The messages of one queue, or of several: SERVER\42, SERVER\*.contoso.com, SERVER\*.",
    from_pipeline=True,
)
RECIPIENT_INFO = Parameter(
    name="IncludeRecipientInfo",
    kind=SWITCH,
    help="Fill Recipients: address, type, status and last error of each.",
)
_RECIPIENT_STATUS = {RecipientState.DELIVERED: "Complete", RecipientState.FAILED: "Complete"}


def identified(cmdlet: Cmdlet, identity: str) -> Q:
    """Find the messages that -Identity names, and refuse a name that no message has."""
    try:
        condition = identities.message_condition(identity, server=cmdlet.shell.server)
    except identities.BadIdentity as error:
        cmdlet.refuse(str(error), IDENTITY)
    if not QueuedMessage.objects.filter(condition).exists():
        cmdlet.refuse(f"there is no message {identity} in a queue", IDENTITY)
    return condition


def one_identified(cmdlet: Cmdlet, identity: str) -> QueuedMessage:
    """Find the one queued message that -Identity names (exchange.md 5.3)."""
    found = list(messages.listing().filter(identified(cmdlet, identity))[:2])
    if len(found) > 1:
        cmdlet.refuse(f"{identity} is in more than one queue; name the queue too, or use -Filter", IDENTITY)
    return found[0]


class GetMessage(Cmdlet):
    """Lists queued messages."""

    name = "Get-Message"
    synopsis = "Lists messages in queues."
    remarks = "-Identity, -Filter and -Queue exclude one another."
    examples = (
        r"Get-Queue E15MB1\22206 | Get-Message | ft",
        "Get-Message -Filter \"FromAddress -like '*@contoso.com' -and Size -gt 10MB\" -SortOrder:-Size",
        r"Get-Message E15MB1\42\1001 -IncludeRecipientInfo | fl",
    )
    parameters = (
        IDENTITY,
        SERVER_FILTER,
        QUEUE_NAME,
        SERVER,
        RECIPIENT_INFO,
        RESULT_SIZE_LIMIT,
        SORT_ORDER,
    )
    accepts = (QUEUE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them, queue after queue when queues come in."""
        self.refuse_together(IDENTITY, SERVER_FILTER, QUEUE_NAME)
        self.refuse_together(IDENTITY, SERVER)
        self.refuse_together(QUEUE_NAME, SERVER)
        if rows is None:
            yield from self._listed(self._where())
            return
        if self.bound.given(IDENTITY, QUEUE_NAME, SERVER):
            rule = "queues from the pipeline exclude -Identity, -Queue and -Server"
            self.refuse(rule, IDENTITY, QUEUE_NAME, SERVER)
        for row in rows:
            yield from self._listed(Q(queue=row.source))

    def _where(self) -> Q:
        identity, queue = self.bound.get(IDENTITY), self.bound.get(QUEUE_NAME)
        if identity:
            return identified(self, identity)
        if queue is None:
            return on_server(self, path="queue__server")
        try:
            return identities.queue_condition(queue, server=self.shell.server, prefix="queue__")
        except identities.BadIdentity as error:
            self.refuse(str(error), QUEUE_NAME)

    def _listed(self, where: Q) -> Iterator[Row]:
        listing = messages.listing().filter(where)
        if self.bound.given(SERVER_FILTER):
            listing = listing.filter(filtered(self, messages.PROPERTIES))
        found = limited(self, ordered(self, listing, messages.PROPERTIES))
        return map(MESSAGE.row, _with_recipients(found) if self.bound.get(RECIPIENT_INFO) else found)


def _with_recipients(found: Iterator[QueuedMessage]) -> Iterator[QueuedMessage]:
    """Read the recipients of many messages at once."""
    while batch := list(islice(found, BATCH)):
        by_message: dict[int | None, list[Mapping[str, Any]]] = defaultdict(list)
        for one in Recipient.objects.filter(queued_message_id__in=[row.pk for row in batch]).order_by("pk"):
            by_message[one.queued_message_id].append(_recipient(one))
        for row in batch:
            vars(row)["shown_recipients"] = by_message[row.pk]
            yield row


def _recipient(one: Recipient) -> Mapping[str, Any]:
    """Give the fields of exchange.md 5.2; every recipient here is an external one."""
    status = _RECIPIENT_STATUS.get(RecipientState(one.state), "Retry" if one.last_reply else "Ready")
    return {"Address": one.address, "Type": "External", "Status": status, "LastError": one.last_reply}
