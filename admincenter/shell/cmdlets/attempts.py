"""Get-MessageAttempt: where a message was tried, what was said there, and what became of TLS."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.messages import MESSAGE
from admincenter.shell.cmdlets.selecting import RESULT_SIZE_LIMIT, limited
from admincenter.shell.cmdlets.tracking import INTERNAL_ID, TRACKING_EVENT
from admincenter.shell.rows import Column, Row, RowType
from transport.models import Attempt

ATTEMPT = RowType(
    name="attempt",
    table=("Time", "Outcome", "Host", "Reply", "Tls", "TlsPolicy"),
    columns=(
        Column(name="InternalMessageId", read=lambda one: one.message_id, kind=Kind.NUMBER),
        Column(name="Time", read=lambda one: one.at, kind=Kind.TIME),
        Column(name="Outcome", read=lambda one: one.outcome),
        Column(name="Host", read=lambda one: one.host),
        Column(name="RemoteEndpoint", read=lambda one: one.address),
        Column(name="Stage", read=lambda one: one.stage),
        Column(
            name="Reply",
            read=lambda one: " ".join(filter(None, (str(one.code), one.enhanced, one.text))),
        ),
        Column(name="Tls", read=lambda one: one.tls),
        Column(name="TlsPolicy", read=lambda one: one.tls_policy),
        Column(name="InDoubt", read=lambda one: one.in_doubt, kind=Kind.FLAG),
        Column(name="Queue", read=lambda one: one.queue_identity),
        Column(name="ConnectorId", read=lambda one: one.connector_name),
        Column(name="ConnectorVersion", read=lambda one: one.connector_version, kind=Kind.NUMBER),
    ),
)


class GetMessageAttempt(Cmdlet):
    """Lists attempts."""

    name = "Get-MessageAttempt"
    synopsis = "Lists the hosts where a message was tried, the oldest attempt first."
    remarks = (
        "Tls is version, cipher and certificate of the connection, or why there was none; TlsPolicy is whose"
        " demands held: a setting of the send connector, MTA-STS, DANE, or opportunistic. Attempts are kept"
        " as long as the message."
    )
    examples = (
        "Get-MessageAttempt 1001 | fl",
        "Get-Message -Filter {Status -eq 'Retry'} | Get-MessageAttempt",
    )
    parameters = (INTERNAL_ID, RESULT_SIZE_LIMIT)
    accepts = (MESSAGE, TRACKING_EVENT)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give those of one message after the other."""
        for message_id in self._messages(rows):
            attempts = Attempt.objects.filter(message_id=message_id).order_by("at", "pk")
            yield from map(ATTEMPT.row, limited(self, attempts))

    def _messages(self, rows: Iterator[Row] | None) -> Iterator[int]:
        if rows is None:
            number = self.bound.get(INTERNAL_ID)
            if number is None:
                self.refuse("Get-MessageAttempt needs -InternalMessageId, or messages in front of it")
            yield number
            return
        seen: set[int] = set()
        for row in rows:
            is_message = row.type.name == MESSAGE.name
            number = row.source.message_id if is_message else row.source.internal_message_id
            if number not in seen:
                seen.add(number)
                yield number
