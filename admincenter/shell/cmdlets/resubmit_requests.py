"""Add-, Get-, Set- and Remove-ResubmitRequest: what was delivered is delivered again from the Safety Net."""

from collections.abc import Iterator

from django.utils import timezone

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.maintenance import named
from admincenter.shell.parameters import FLAG, TEXT, TIME, Parameter, integer
from admincenter.shell.rows import Column, Row, RowType
from transport import resubmission
from transport.models import ResubmitRequest
from transport.states import ResubmitState

RESUBMIT_REQUEST = RowType(
    name="resubmit request",
    table=("Identity", "Server", "StartTime", "EndTime", "State", "Examined", "Resubmitted"),
    columns=(
        Column(name="Identity", read=lambda one: str(one.pk)),
        Column(name="Server", read=lambda one: one.server.name),
        Column(name="StartTime", read=lambda one: one.start_at, kind=Kind.TIME),
        Column(name="EndTime", read=lambda one: one.end_at, kind=Kind.TIME),
        Column(name="Sender", read=lambda one: one.sender),
        Column(name="Recipient", read=lambda one: one.recipient),
        Column(name="Queue", read=lambda one: one.queue_identity),
        Column(
            name="State",
            read=lambda one: one.state,
            kind=Kind.CHOICE,
            choices=tuple(state.value for state in ResubmitState),
        ),
        Column(name="Examined", read=lambda one: one.examined, kind=Kind.NUMBER),
        Column(name="Resubmitted", read=lambda one: one.resubmitted, kind=Kind.NUMBER),
        Column(name="Failed", read=lambda one: one.failed, kind=Kind.NUMBER),
        Column(name="CreatedBy", read=lambda one: one.created_by),
        Column(name="DateCreated", read=lambda one: one.created_at, kind=Kind.TIME),
        Column(name="DateEnded", read=lambda one: one.ended_at, kind=Kind.TIME),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=integer(lowest=1, highest=2**53),
    position=0,
    help="Number of the request.",
    from_pipeline=True,
)
START_TIME = Parameter(name="StartTime", kind=TIME, required=True, help="The oldest delivery that is meant.")
END_TIME = Parameter(name="EndTime", kind=TIME, required=True, help="The latest delivery that is meant.")
SENDER = Parameter(name="Sender", kind=TEXT, help="Only mail of this sender.")
RECIPIENT = Parameter(name="Recipient", kind=TEXT, help="Only to this recipient.")
QUEUE = Parameter(name="Queue", kind=TEXT, help=r"Only what this queue delivered: SERVER\42.")
SERVER = Parameter(name="Server", kind=TEXT, help="The transport server. Default: the one of this shell.")
ENABLED = Parameter(
    name="Enabled", kind=FLAG, required=True, help="$false: cancel it; what was resubmitted stays."
)


class AddResubmitRequest(Cmdlet):
    """Begins a request."""

    name = "Add-ResubmitRequest"
    synopsis = "Delivers mail again that was delivered in a span of time and is still in the Safety Net."
    remarks = "Recipients get a second copy with the same Message-ID. Get-ResubmitRequest shows the progress."
    examples = (
        "Add-ResubmitRequest -StartTime '2026-11-23 16:00' -EndTime '2026-11-23 17:00'",
        "Add-ResubmitRequest -StartTime 2026-11-23 -EndTime 2026-11-24 -Recipient bob@fabrikam.com",
    )
    parameters = (START_TIME, END_TIME, SENDER, RECIPIENT, QUEUE, SERVER)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Add it."""
        del rows
        start, end = self.bound.get(START_TIME), self.bound.get(END_TIME)
        server = named(self, SERVER)
        if start is None or end is None or not self.approved(f"deliver mail of {server.name} again"):
            return
        span = resubmission.Span(
            start_at=start,
            end_at=end,
            sender=self.bound.get(SENDER) or "",
            recipient=self.bound.get(RECIPIENT) or "",
            queue_identity=self.bound.get(QUEUE) or "",
        )
        try:
            made = resubmission.add(server, span, actor=self.shell.actor, now=timezone.now())
        except ValueError as error:
            self.refuse(str(error).rstrip("."), START_TIME, END_TIME)
        yield RESUBMIT_REQUEST.row(made)


class GetResubmitRequest(Cmdlet):
    """Shows requests."""

    name = "Get-ResubmitRequest"
    synopsis = "Shows the resubmit requests and how far they are."
    examples = ("Get-ResubmitRequest", "Get-ResubmitRequest 7 | fl")
    parameters = (IDENTITY, SERVER)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give one, those of a server, or all."""
        del rows
        if self.bound.given(IDENTITY):
            yield RESUBMIT_REQUEST.row(_one(self))
            return
        found = ResubmitRequest.objects.select_related("server").order_by("pk")
        if self.bound.given(SERVER):
            found = found.filter(server=named(self, SERVER))
        yield from map(RESUBMIT_REQUEST.row, found)


class SetResubmitRequest(Cmdlet):
    """Cancels requests."""

    name = "Set-ResubmitRequest"
    synopsis = "Cancels a resubmit request."
    examples = ("Set-ResubmitRequest 7 -Enabled $false",)
    parameters = (IDENTITY, ENABLED)
    accepts = (RESUBMIT_REQUEST,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Cancel each."""
        if self.bound.get(ENABLED):
            self.refuse("a request that was cancelled stays so; add a new one", ENABLED)
        for request in _chosen(self, rows):
            if self.approved(f"cancel resubmit request {request.pk}"):
                ran = resubmission.cancel(request, actor=self.shell.actor, now=timezone.now())
                state = "is cancelled" if ran else "had ended before"
                self.shell.console.note(f"Resubmit request {request.pk} {state}.")
        return iter(())


class RemoveResubmitRequest(Cmdlet):
    """Removes requests."""

    name = "Remove-ResubmitRequest"
    synopsis = "Cancels a resubmit request, if it is still running, and forgets it."
    examples = ("Remove-ResubmitRequest 7",)
    parameters = (IDENTITY,)
    accepts = (RESUBMIT_REQUEST,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove each."""
        for request in _chosen(self, rows):
            if self.approved(f"remove resubmit request {request.pk}"):
                resubmission.remove(request, actor=self.shell.actor)
                self.shell.console.note(f"Resubmit request {request.pk} is removed.")
        return iter(())


def _one(cmdlet: Cmdlet) -> ResubmitRequest:
    number = cmdlet.bound.get(IDENTITY) or 0
    found = ResubmitRequest.objects.select_related("server").filter(pk=number).first()
    if found is None:
        cmdlet.refuse(f"there is no resubmit request {number}", IDENTITY)
    return found


def _chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[ResubmitRequest]:
    if rows is not None:
        return [row.source for row in rows]
    if not cmdlet.bound.given(IDENTITY):
        cmdlet.refuse(f"{cmdlet.name} needs -Identity, or requests from the pipeline")
    return [_one(cmdlet)]
