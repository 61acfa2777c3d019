"""Get-, Retry-, Suspend- and Resume-Queue."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils import timezone

from admincenter.filtering import identities, queues
from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.selecting import (
    RESULT_SIZE_LIMIT,
    SERVER,
    SERVER_FILTER,
    SORT_ORDER,
    filtered,
    in_batches,
    limited,
    on_server,
    ordered,
)
from admincenter.shell.cmdlets.suspending import REASON, UNTIL, read_note
from admincenter.shell.cmdlets.transport_services import TRANSPORT_SERVICE
from admincenter.shell.parameters import FLAG, TEXT, Parameter, some_of
from admincenter.shell.rows import Column, Row, RowType
from transport import operations
from transport.models import Queue

QUEUE = RowType(
    name="queue",
    table=("Identity", "DeliveryType", "Status", "MessageCount", "Velocity", "NextHopDomain"),
    columns=(
        Column(name="Identity", read=lambda one: one.identity),
        Column(
            name="DeliveryType",
            read=lambda one: one.delivery_type,
            kind=Kind.CHOICE,
            choices=queues.DELIVERY_TYPES,
        ),
        Column(
            name="NextHopCategory",
            read=queues.category,
            kind=Kind.CHOICE,
            choices=(queues.INTERNAL, queues.EXTERNAL),
        ),
        Column(name="NextHopDomain", read=lambda one: one.next_hop_domain),
        Column(name="NextHopConnector", read=lambda one: one.connector_name),
        Column(name="Status", read=lambda one: one.status, kind=Kind.CHOICE, choices=queues.STATUSES),
        Column(name="MessageCount", read=lambda one: one.message_count, kind=Kind.NUMBER),
        Column(name="IncomingRate", read=lambda one: one.incoming_rate, kind=Kind.NUMBER),
        Column(name="OutgoingRate", read=lambda one: one.outgoing_rate, kind=Kind.NUMBER),
        Column(name="Velocity", read=lambda one: one.velocity, kind=Kind.NUMBER),
        Column(name="RetryCount", read=lambda one: one.retry_count, kind=Kind.NUMBER),
        Column(name="FirstRetryTime", read=lambda one: one.first_retry_at, kind=Kind.TIME),
        Column(name="LastRetryTime", read=lambda one: one.last_retry_at, kind=Kind.TIME),
        Column(name="NextRetryTime", read=lambda one: one.next_retry_at, kind=Kind.TIME),
        Column(name="LastError", read=lambda one: one.last_error),
        Column(name="LastErrorHost", read=lambda one: one.last_error_host),
        Column(name="LastErrorTime", read=lambda one: one.last_error_at, kind=Kind.TIME),
        Column(name="HeldBackBy", read=lambda one: one.held_back_by(now=timezone.now())),
        Column(name="Server", read=lambda one: one.server.name),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=TEXT,
    position=0,
    help=r"SERVER\42, SERVER\next.hop.domain, SERVER\*, or SERVER\ with Submission, Unreachable or Poison.",
    from_pipeline=True,
)
SELECTING: tuple[Parameter[Any], ...] = (IDENTITY, SERVER_FILTER, SERVER)
"""How a verb says which queues it means."""
RESUBMIT = Parameter(
    name="Resubmit",
    kind=FLAG,
    help="$true: send the messages back to the categorizer, which may find another way for them.",
)
INCLUDE = Parameter(
    name="Include",
    kind=some_of(queues.CLASSES),
    help="Only queues that are one of these: Internal, External, Empty, or a DeliveryType.",
)
EXCLUDE = Parameter(name="Exclude", kind=some_of(queues.CLASSES), help="No queues that are one of these.")


def identified(cmdlet: Cmdlet, identity: str) -> Q:
    """Find the queues that -Identity names, and refuse a name that no queue has."""
    try:
        condition = identities.queue_condition(identity, server=cmdlet.shell.server)
    except identities.BadIdentity as error:
        cmdlet.refuse(str(error), IDENTITY)
    if not identities.is_pattern(identity) and not Queue.objects.filter(condition).exists():
        cmdlet.refuse(f"there is no queue {identity}", IDENTITY)
    return condition


class GetQueue(Cmdlet):
    """Lists queues."""

    name = "Get-Queue"
    synopsis = "Lists the queues of a transport server."
    remarks = (
        "Velocity is OutgoingRate minus IncomingRate: below 0 a queue grows. HeldBackBy, which Exchange does"
        " not have, says what keeps mail from going now; -Filter finds limits of connections and messages."
    )
    examples = (
        "Get-TransportService | Get-Queue",
        "Get-Queue -Filter \"Status -eq 'Retry' -and MessageCount -gt 100\" -SortOrder:-MessageCount",
        r"Get-Queue E15MB1\22206 | Get-Message | ft",
        "Get-Queue -Exclude Empty,Internal",
    )
    parameters = (IDENTITY, SERVER_FILTER, INCLUDE, EXCLUDE, SERVER, RESULT_SIZE_LIMIT, SORT_ORDER)
    accepts = (TRANSPORT_SERVICE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them, server after server when servers come in."""
        self.refuse_together(IDENTITY, SERVER_FILTER)
        self.refuse_together(IDENTITY, SERVER)
        if rows is None:
            yield from self._listed(self._where())
            return
        if self.bound.given(IDENTITY, SERVER):
            self.refuse("servers from the pipeline exclude -Identity and -Server", IDENTITY, SERVER)
        for row in rows:
            yield from self._listed(Q(server=row.source))

    def _where(self) -> Q:
        identity = self.bound.get(IDENTITY)
        return identified(self, identity) if identity else on_server(self, path="server")

    def _listed(self, where: Q) -> Iterator[Row]:
        listing = queues.listing().filter(where)
        if self.bound.given(SERVER_FILTER):
            listing = listing.filter(filtered(self, queues.PROPERTIES))
        if self.bound.given(INCLUDE):
            listing = listing.filter(queues.in_classes(self.bound.get(INCLUDE) or ()))
        listing = listing.exclude(queues.in_classes(self.bound.get(EXCLUDE) or ()))
        return map(QUEUE.row, limited(self, ordered(self, listing, queues.PROPERTIES)))


class QueueAction(Cmdlet):
    """A verb over the queues that a call means."""

    deed: ClassVar[str]
    """`retry`."""
    done: ClassVar[str]
    """`retried`."""
    otherwise: ClassVar[str]
    """Why some were left out."""
    parameters: ClassVar[tuple[Parameter[Any], ...]] = SELECTING
    accepts = (QUEUE,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Collect first, then act: the act changes what a filter would find."""
        ids = self._chosen(rows)
        if ids and self.approved(f"{self.deed} {len(ids)} queue{'s' * (len(ids) != 1)}"):
            moved = sum(self.act(Queue.objects.filter(pk__in=batch)) for batch in in_batches(ids))
            left = f" The others are left alone: {self.otherwise}." if moved < len(ids) else ""
            self.shell.console.note(f"Queues {self.done}: {moved} of {len(ids)}.{left}")
        elif not ids:
            self.shell.console.note(f"Queues {self.done}: there was none.")
        return iter(())

    def act(self, chosen: QuerySet[Queue]) -> int:
        """Do it to these; give how many it moved."""
        raise NotImplementedError

    def _chosen(self, rows: Iterator[Row] | None) -> list[int]:
        self.refuse_together(IDENTITY, SERVER_FILTER)
        self.refuse_together(IDENTITY, SERVER)
        if rows is not None:
            if self.bound.given(*SELECTING):
                self.refuse("queues from the pipeline exclude -Identity, -Filter and -Server", *SELECTING)
            return [row.source.pk for row in rows]
        identity = self.bound.get(IDENTITY)
        if identity:
            return self._named(identity)
        if not self.bound.given(SERVER_FILTER):
            self.refuse(f"{self.name} needs -Identity, -Filter, or queues from the pipeline")
        where = filtered(self, queues.PROPERTIES) & on_server(self, path="server")
        return list(queues.listing().filter(where).values_list("pk", flat=True))

    def _named(self, identity: str) -> list[int]:
        ids = list(Queue.objects.filter(identified(self, identity)).values_list("pk", flat=True))
        if len(ids) > 1 and not identities.is_pattern(identity):
            self.refuse(
                f"{identity} means {len(ids)} queues; name one by its number, or use -Filter", IDENTITY
            )
        return ids


class RetryQueue(QueueAction):
    """Tries now."""

    name = "Retry-Queue"
    synopsis = "Tries to deliver the mail of queues now, whatever the next retry time says."
    remarks = (
        "The unreachable and the submission queue are routed anew. With -Resubmit so are delivery queues in"
        " Retry; suspended messages and what is being sent stay."
    )
    parameters = (*QueueAction.parameters, RESUBMIT)
    examples = (
        r"Retry-Queue E15MB1\Unreachable -Resubmit $true",
        "Get-Queue -Filter \"Status -eq 'Retry'\" | Retry-Queue",
        r"Retry-Queue E15MB1\contoso.com",
    )
    deed = "retry"
    done = "retried"
    otherwise = "a suspended queue stays suspended, and an empty one has nothing to try"

    def act(self, chosen: QuerySet[Queue]) -> int:
        """Call the operation."""
        if self.bound.get(RESUBMIT):
            return operations.resubmit_queues(chosen, actor=self.shell.actor)
        return operations.retry_queues(chosen, actor=self.shell.actor)


class SuspendQueue(QueueAction):
    """Holds mail back."""

    name = "Suspend-Queue"
    synopsis = "Lets no mail leave queues; mail in transfer finishes, and new mail still comes in."
    parameters = (*QueueAction.parameters, REASON, UNTIL)
    examples = (
        r"Suspend-Queue E15MB1\42 -Reason 'fabrikam moves its servers'",
        "Suspend-Queue -Filter \"NextHopDomain -like '*.contoso.com'\"",
    )
    deed = "suspend"
    done = "suspended"
    otherwise = "they were suspended before"

    def act(self, chosen: QuerySet[Queue]) -> int:
        """Call the operation."""
        return operations.suspend_queues(chosen, actor=self.shell.actor, said=read_note(self))


class ResumeQueue(QueueAction):
    """Lets mail leave again."""

    name = "Resume-Queue"
    synopsis = "Lets mail leave suspended queues again; messages suspended one by one stay so."
    examples = (r"Resume-Queue E15MB1\42",)
    deed = "resume"
    done = "resumed"
    otherwise = "they were not suspended"

    def act(self, chosen: QuerySet[Queue]) -> int:
        """Call the operation."""
        return operations.resume_queues(chosen, actor=self.shell.actor)
