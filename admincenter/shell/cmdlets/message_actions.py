"""Retry-, Suspend-, Resume-, Remove- and Set-Message."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from django.db.models import QuerySet

from admincenter.filtering import messages
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.messages import IDENTITY, MESSAGE, one_identified
from admincenter.shell.cmdlets.selecting import SERVER, SERVER_FILTER, filtered, in_batches, on_server
from admincenter.shell.cmdlets.suspending import REASON, UNTIL, read_note
from admincenter.shell.parameters import FLAG, Parameter, one_of
from admincenter.shell.rows import Row
from transport import operations
from transport.envelope import Priority
from transport.models import QueuedMessage


class PriorityName(StrEnum):
    """The priorities by their names."""

    HIGH = "High"
    NORMAL = "Normal"
    LOW = "Low"


PRIORITY = Parameter(
    name="Priority",
    kind=one_of(PriorityName),
    help="High goes before Normal, Normal before Low; what was put off comes after all new mail.",
    required=True,
)
WITH_NDR = Parameter(
    name="WithNDR", kind=FLAG, help="Whether the senders get a non-delivery report. Default: $true."
)


class MessageAction(Cmdlet):
    """A verb over the messages that a call means."""

    deed: ClassVar[str]
    done: ClassVar[str]
    otherwise: ClassVar[str]
    parameters: ClassVar[tuple[Parameter[Any], ...]] = (IDENTITY, SERVER_FILTER, SERVER)
    accepts = (MESSAGE,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Collect first, then act, in batches that each are all or nothing."""
        ids = self._chosen(rows)
        if ids and self.approved(self.question(len(ids))):
            moved = sum(self.act(QueuedMessage.objects.filter(pk__in=batch)) for batch in in_batches(ids))
            left = f" The others are left alone: {self.otherwise}." if moved < len(ids) else ""
            self.shell.console.note(f"Messages {self.done}: {moved} of {len(ids)}.{left}")
        elif not ids:
            self.shell.console.note(f"Messages {self.done}: there was none.")
        return iter(())

    def question(self, count: int) -> str:
        """Name the deed and the count."""
        return f"{self.deed} {count} message{'s' * (count != 1)}"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Do it to these; give how many it moved."""
        raise NotImplementedError

    def _chosen(self, rows: Iterator[Row] | None) -> Sequence[int]:
        self.refuse_together(IDENTITY, SERVER_FILTER)
        self.refuse_together(IDENTITY, SERVER)
        selecting = (IDENTITY, SERVER_FILTER, SERVER)
        if rows is not None:
            if self.bound.given(*selecting):
                self.refuse("messages from the pipeline exclude -Identity, -Filter and -Server", *selecting)
            return [row.source.pk for row in rows]
        identity = self.bound.get(IDENTITY)
        if identity:
            return [one_identified(self, identity).pk]
        if not self.bound.given(SERVER_FILTER):
            self.refuse(f"{self.name} needs -Identity, -Filter, or messages from the pipeline")
        where = filtered(self, messages.PROPERTIES) & on_server(self, path="queue__server")
        return list(messages.listing().filter(where).values_list("pk", flat=True))


class RetryMessage(MessageAction):
    """Tries messages now."""

    name = "Retry-Message"
    synopsis = "Tries messages now, whatever their next retry time says. Exchange has it for queues only."
    examples = (r"Retry-Message E15MB1\42\1001",)
    deed = "retry"
    done = "retried"
    otherwise = "they are suspended, in transfer, or gone"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Call the operation."""
        return operations.retry_messages(chosen, actor=self.shell.actor)


class SuspendMessage(MessageAction):
    """Holds messages back."""

    name = "Suspend-Message"
    synopsis = "Holds messages back; one in transfer is suspended if that attempt does not end it."
    parameters = (*MessageAction.parameters, REASON, UNTIL)
    examples = (
        r"Suspend-Message E15MB1\42\1001",
        "Suspend-Message -Filter \"FromAddress -eq 'a@contoso.com'\"",
    )
    deed = "suspend"
    done = "suspended"
    otherwise = "they were suspended before, wait for the categorizer, or are gone"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Call the operation."""
        return operations.suspend_messages(chosen, actor=self.shell.actor, said=read_note(self))


class ResumeMessage(MessageAction):
    """Lets messages wait again."""

    name = "Resume-Message"
    synopsis = "Lets suspended messages wait for delivery again; in a suspended queue they go on waiting."
    examples = (
        r"Resume-Message E15MB1\42\1001",
        "Get-Message -Filter \"Status -eq 'Suspended'\" | Resume-Message",
    )
    deed = "resume"
    done = "resumed"
    otherwise = "they were not suspended, or are gone"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Call the operation."""
        return operations.resume_messages(chosen, actor=self.shell.actor)


class RemoveMessage(MessageAction):
    """Ends messages."""

    name = "Remove-Message"
    synopsis = "Removes messages from their queues, with or without a report to their senders."
    remarks = "A message in transfer is removed when that attempt did not end it."
    examples = (
        r"Remove-Message E15MB1\42\1001 -WithNDR $false",
        "Remove-Message -Filter \"FromAddress -eq 'spam@contoso.com'\" -WithNDR $false -Confirm:$false",
    )
    parameters = (*MessageAction.parameters, WITH_NDR)
    asks = True
    deed = "remove"
    done = "removed"
    otherwise = "they wait for the categorizer, or are gone"

    def question(self, count: int) -> str:
        """Name the deed, the count and what the senders get."""
        return f"{super().question(count)} {'with' if self._with_ndr else 'without'} a report to the senders"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Call the operation."""
        return operations.remove_messages(chosen, with_ndr=self._with_ndr, actor=self.shell.actor)

    @property
    def _with_ndr(self) -> bool:
        return self.bound.get(WITH_NDR) is not False


class SetMessage(MessageAction):
    """Changes the order in which messages leave."""

    name = "Set-Message"
    synopsis = "Changes the priority of messages in queues."
    remarks = "The time at which they expire stays as it is."
    examples = (
        r"Set-Message E15MB1\42\1001 -Priority High",
        "Get-Message -Filter \"FromAddress -eq 'news@contoso.com'\" | Set-Message -Priority Low",
    )
    parameters = (*MessageAction.parameters, PRIORITY)
    deed = "change the priority of"
    done = "changed"
    otherwise = "they had that priority before, or are gone"

    def act(self, chosen: QuerySet[QueuedMessage]) -> int:
        """Call the operation."""
        wanted = Priority[(self.bound.get(PRIORITY) or PriorityName.NORMAL).name]
        return operations.set_priority(chosen, priority=wanted, actor=self.shell.actor)
