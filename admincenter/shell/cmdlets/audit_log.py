"""Search-AdminAuditLog: who changed what, when and from where."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.selecting import RESULT_SIZE_LIMIT, limited
from admincenter.shell.parameters import TEXTS, TIME, Parameter
from admincenter.shell.rows import Cell, Column, Row, RowType
from connectors.commands import Change, written
from connectors.models import AuditEntry, AuditSearch


def _parameters(entry: AuditEntry) -> Cell:
    return tuple(f"{one.name}: {_value(one)}" for one in entry.changes if one.given)


def _properties(entry: AuditEntry) -> Cell:
    changed = (one for one in entry.changes if not one.secret)
    return tuple(f"{one.name}: {written(one.old)} -> {written(one.new)}" for one in changed)


def _value(change: Change) -> str:
    return str(change.new) if change.secret else written(change.new)


AUDIT_ENTRY = RowType(
    name="audit log entry",
    table=("RunDate", "Caller", "CmdletName", "ObjectModified", "Succeeded"),
    columns=(
        Column(name="Identity", read=lambda one: str(one.pk)),
        Column(name="RunDate", read=lambda one: one.at, kind=Kind.TIME),
        Column(name="Caller", read=lambda one: one.actor),
        Column(name="ClientIP", read=lambda one: one.origin),
        Column(name="CmdletName", read=lambda one: one.cmdlet),
        Column(name="ObjectModified", read=lambda one: tuple(one.identities)),
        Column(name="ObjectCount", read=lambda one: one.count, kind=Kind.NUMBER),
        Column(name="CmdletParameters", read=_parameters),
        Column(name="ModifiedProperties", read=_properties),
        Column(name="Succeeded", read=lambda one: one.succeeded, kind=Kind.FLAG),
        Column(name="Error", read=lambda one: one.error),
        Column(name="Command", read=lambda one: one.command),
    ),
)
START_DATE = Parameter(name="StartDate", kind=TIME, help="The oldest entry that is meant.")
END_DATE = Parameter(name="EndDate", kind=TIME, help="Entries before this time.")
USER_IDS = Parameter(name="UserIds", kind=TEXTS, help="Who did it: a part of the name is enough.")
CMDLETS = Parameter(name="Cmdlets", kind=TEXTS, help="What was done: Set-SendConnector, or a part of it.")
OBJECT_IDS = Parameter(name="ObjectIds", kind=TEXTS, help="To what it was done: a part of an identity.")


class SearchAdminAuditLog(Cmdlet):
    """Searches the log."""

    name = "Search-AdminAuditLog"
    synopsis = "Shows changes by administrators, the newest first, and changes that were refused."
    remarks = (
        "Entries cannot be altered; they end after ADMINCENTER_AUDIT_LOG_DAYS. A secret is never in it. "
        "Command is the line that would do the same again."
    )
    examples = (
        "Search-AdminAuditLog -Cmdlets Set-SendConnector -StartDate 2026-11-23",
        "Search-AdminAuditLog -UserIds anna -ObjectIds Internet | fl",
    )
    parameters = (START_DATE, END_DATE, USER_IDS, CMDLETS, OBJECT_IDS, RESULT_SIZE_LIMIT)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them as they are read."""
        del rows
        search = AuditSearch(
            start=self.bound.get(START_DATE),
            end=self.bound.get(END_DATE),
            users=self.bound.get(USER_IDS) or (),
            cmdlets=self.bound.get(CMDLETS) or (),
            objects=self.bound.get(OBJECT_IDS) or (),
        )
        yield from map(AUDIT_ENTRY.row, limited(self, AuditEntry.objects.matching(search)))
