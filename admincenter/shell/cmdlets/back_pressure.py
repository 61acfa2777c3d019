"""Get-BackPressure: which resource keeps a server from taking mail."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.transport_services import TRANSPORT_SERVICE
from admincenter.shell.parameters import TEXT, Parameter
from admincenter.shell.rows import Cell, Column, Row, RowType, limit
from transport.back_pressure import UNLIMITED, Level
from transport.models import ResourcePressure


def _threshold(value: float) -> Cell:
    return limit(None if value > UNLIMITED // 2 else round(value, 2))


RESOURCE = RowType(
    name="resource",
    table=("Server", "Resource", "Level", "Value", "Medium", "High", "Since"),
    columns=(
        Column(name="Identity", read=lambda one: f"{one.server.name}\\{one.resource}"),
        Column(name="Server", read=lambda one: one.server.name),
        Column(name="Resource", read=lambda one: one.resource),
        Column(
            name="Level",
            read=lambda one: Level(one.level).name.title(),
            kind=Kind.CHOICE,
            choices=tuple(level.name.title() for level in Level),
        ),
        Column(name="Value", read=lambda one: round(one.value, 2), kind=Kind.NUMBER),
        Column(name="Normal", read=lambda one: _threshold(one.normal)),
        Column(name="Medium", read=lambda one: _threshold(one.medium)),
        Column(name="High", read=lambda one: _threshold(one.high)),
        Column(name="Since", read=lambda one: one.since, kind=Kind.TIME),
    ),
)
SERVER = Parameter(
    name="Server", kind=TEXT, position=0, help="Name of the transport server.", from_pipeline=True
)


class GetBackPressure(Cmdlet):
    """Lists resources."""

    name = "Get-BackPressure"
    synopsis = "Shows how hard the resources of a transport server are pressed."
    remarks = (
        "At Medium a server takes no mail from strangers, Pickup, Replay and HTTP; at High from nobody: "
        "clients hear 452 4.3.1 Insufficient system resources. Deliveries go on. UsedDiskSpace and "
        "BufferedMessages are percent, CommitLatency seconds, QueueLength messages. Value is what the "
        "resource had when it came to its level."
    )
    examples = ("Get-BackPressure", 'Get-BackPressure E15MB1 | where {$_.Level -ne "Normal"}')
    parameters = (SERVER,)
    accepts = (TRANSPORT_SERVICE,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by server."""
        pattern = self.bound.get(SERVER) or "*"
        names = {row.source.name for row in rows} if rows is not None else None
        for one in ResourcePressure.objects.select_related("server").order_by("server__name", "resource"):
            if one.server.name in names if names is not None else matches(one.server.name, pattern):
                yield RESOURCE.row(one)
