"""Get- and Set-TransportService: the servers that send mail, and the DNS servers that they ask."""

from collections.abc import Iterator

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import CHANGE, TEXT, ListChange, Parameter
from admincenter.shell.rows import Column, Row, RowType
from transport import servers
from transport.models import TransportServer
from transport.server_settings import dns_server, set_dns_servers

TRANSPORT_SERVICE = RowType(
    name="transport service",
    table=("Name", "State", "LastHeartbeat", "AdminDisplayVersion"),
    columns=(
        Column(name="Identity", read=lambda one: one.name),
        Column(name="Name", read=lambda one: one.name),
        Column(name="Fqdn", read=lambda one: one.fqdn),
        Column(name="Site", read=lambda one: one.site),
        Column(name="State", read=lambda one: "Active" if servers.is_alive(one) else "Inactive"),
        Column(name="LastHeartbeat", read=lambda one: one.last_beat_at, kind=Kind.TIME),
        Column(name="AdminDisplayVersion", read=lambda one: one.version),
        Column(name="InternalDNSServers", read=lambda one: tuple(one.internal_dns_servers)),
        Column(name="ExternalDNSServers", read=lambda one: tuple(one.external_dns_servers)),
    ),
)
IDENTITY = Parameter(
    name="Identity", kind=TEXT, position=0, help="Name of the transport server.", from_pipeline=True
)
INTERNAL = Parameter(
    name="InternalDNSServers",
    kind=CHANGE,
    help="DNS servers for connectors, each an IP address with :port where it is not 53. $null: the system's.",
)
EXTERNAL = Parameter(
    name="ExternalDNSServers",
    kind=CHANGE,
    help="The same for connectors with UseExternalDNSServersEnabled.",
)


class GetTransportService(Cmdlet):
    """Lists servers."""

    name = "Get-TransportService"
    aliases = ("Get-TransportServer",)
    synopsis = "Lists the transport servers that have registered, or one of them."
    examples = ("Get-TransportService", "Get-TransportService | Get-Queue")
    parameters = (IDENTITY,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by name."""
        del rows
        pattern = self.bound.get(IDENTITY) or "*"
        found = [server for server in servers.registered() if matches(server.name, pattern)]
        if not found and "*" not in pattern:
            self.refuse(f"there is no transport server {pattern}", IDENTITY)
        yield from map(TRANSPORT_SERVICE.row, found)


class SetTransportService(Cmdlet):
    """Changes servers."""

    name = "Set-TransportService"
    aliases = ("Set-TransportServer",)
    synopsis = "Sets the DNS servers that a transport server asks."
    remarks = "Running workers use the new lists with their next session."
    examples = (
        "Set-TransportService E15MB1 -ExternalDNSServers 192.0.2.53,192.0.2.54",
        'Set-TransportService E15MB1 -InternalDNSServers @{Add="192.0.2.53:5353"}',
    )
    parameters = (IDENTITY, INTERNAL, EXTERNAL)
    accepts = (TRANSPORT_SERVICE,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one server after the other."""
        if not self.bound.given(INTERNAL, EXTERNAL):
            self.refuse("Set-TransportService needs -InternalDNSServers or -ExternalDNSServers")
        for server in self._chosen(rows):
            internal = self._list(INTERNAL, server.internal_dns_servers)
            external = self._list(EXTERNAL, server.external_dns_servers)
            if self.approved(f"change the DNS servers of {server.name}"):
                self._write(server, internal=internal, external=external)
        return iter(())

    def _chosen(self, rows: Iterator[Row] | None) -> list[TransportServer]:
        if rows is not None:
            return [row.source for row in rows]
        name = self.bound.get(IDENTITY) or self.shell.server
        server = TransportServer.objects.filter(name__iexact=name).first()
        if server is None:
            self.refuse(f"there is no transport server {name}", IDENTITY)
        return [server]

    def _list(self, parameter: Parameter[ListChange], current: list[str]) -> tuple[str, ...] | None:
        change = self.bound.get(parameter)
        if change is None:
            return None
        try:
            return change.applied(current, read=dns_server)
        except ValueError as error:
            self.refuse(f"-{parameter.name}: {str(error).rstrip('.')}", parameter)

    def _write(
        self, server: TransportServer, *, internal: tuple[str, ...] | None, external: tuple[str, ...] | None
    ) -> None:
        try:
            set_dns_servers(server, internal=internal, external=external, actor=self.shell.actor)
        except ValueError as error:
            self.refuse(str(error).rstrip("."), INTERNAL, EXTERNAL)
