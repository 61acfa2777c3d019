"""Get- and Set-TransportService: the transport servers, whom they ask, whom they dial, what they take."""

from collections.abc import Iterator, Mapping

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.transport_limits import LIMITS
from admincenter.shell.parameters import CHANGE, TEXT, ListChange, Parameter
from admincenter.shell.rows import Column, Row, RowType
from transport import servers
from transport.models import TransportServer
from transport.server_settings import LISTS, set_limits, set_lists


def _state(server: TransportServer) -> str:
    return server.component_state if servers.is_alive(server) else "Inactive"


TRANSPORT_SERVICE = RowType(
    name="transport service",
    table=("Name", "State", "LastHeartbeat", "AdminDisplayVersion"),
    columns=(
        Column(name="Identity", read=lambda one: one.name),
        Column(name="Name", read=lambda one: one.name),
        Column(name="Fqdn", read=lambda one: one.fqdn),
        Column(name="Site", read=lambda one: one.site),
        Column(name="State", read=_state),
        Column(name="LastHeartbeat", read=lambda one: one.last_beat_at, kind=Kind.TIME),
        Column(name="AdminDisplayVersion", read=lambda one: one.version),
        Column(name="InternalDNSServers", read=lambda one: tuple(one.internal_dns_servers)),
        Column(name="ExternalDNSServers", read=lambda one: tuple(one.external_dns_servers)),
        Column(name="ValidatingDNSServers", read=lambda one: tuple(one.validating_dns_servers)),
        Column(name="AllowedMxNetworks", read=lambda one: tuple(one.allowed_mx_networks)),
        *(limit.column for limit in LIMITS),
    ),
)
IDENTITY = Parameter(
    name="Identity", kind=TEXT, position=0, help="Name of the transport server.", from_pipeline=True
)
PARAMETERS = {
    "internal_dns_servers": Parameter(
        name="InternalDNSServers",
        kind=CHANGE,
        help="DNS servers for connectors, each an IP address with :port where it is not 53."
        " $null: the system's.",
    ),
    "external_dns_servers": Parameter(
        name="ExternalDNSServers",
        kind=CHANGE,
        help="The same for connectors with UseExternalDNSServersEnabled.",
    ),
    "validating_dns_servers": Parameter(
        name="ValidatingDNSServers",
        kind=CHANGE,
        help="Those of the DNS servers whose word on DNSSEC counts although they run on another machine."
        " Name only servers that validate, over a path that nobody else can touch.",
    ),
    "allowed_mx_networks": Parameter(
        name="AllowedMxNetworks",
        kind=CHANGE,
        help="Networks that MX records may lead Internet connectors to although they are loopback,"
        " link-local, multicast or unspecified, such as 127.0.0.0/8.",
    ),
}
"""By the field of the server that each one sets."""


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
    synopsis = "Sets whom a transport server asks and dials, when it tries again, and how much it does."
    remarks = (
        "Workers use new lists with their next session; new numbers and intervals are obeyed within seconds,"
        " also by mail that waits already."
    )
    examples = (
        "Set-TransportService E15MB1 -MessageExpirationTimeout 4.00:00:00 -MessageRetryInterval 00:10:00",
        "Set-TransportService E15MB1 -ExternalDNSServers 192.0.2.53,192.0.2.54",
        'Set-TransportService E15MB1 -InternalDNSServers @{Add="192.0.2.53:5353"}',
        "Set-TransportService E15MB1 -AllowedMxNetworks 127.0.0.0/8",
    )
    parameters = (IDENTITY, *PARAMETERS.values(), *(limit.parameter for limit in LIMITS))
    accepts = (TRANSPORT_SERVICE,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one server after the other."""
        given = {field: one for field, one in PARAMETERS.items() if self.bound.given(one)}
        if not self.bound.given(*self.parameters[1:]):
            self.refuse("Set-TransportService needs a setting to change")
        for server in self._chosen(rows):
            lists = {field: self._list(server, field) for field in given}
            if self.approved(f"change the settings of {server.name}"):
                self._write(server, lists)
                self._write_limits(server)
        return iter(())

    def _chosen(self, rows: Iterator[Row] | None) -> list[TransportServer]:
        if rows is not None:
            return [row.source for row in rows]
        name = self.bound.get(IDENTITY) or self.shell.server
        server = TransportServer.objects.filter(name__iexact=name).first()
        if server is None:
            self.refuse(f"there is no transport server {name}", IDENTITY)
        return [server]

    def _list(self, server: TransportServer, field: str) -> tuple[str, ...]:
        parameter = PARAMETERS[field]
        change = self.bound.get(parameter) or ListChange()
        try:
            return change.applied(getattr(server, field), read=LISTS[field])
        except ValueError as error:
            self.refuse(f"-{parameter.name}: {str(error).rstrip('.')}", parameter)

    def _write(self, server: TransportServer, lists: Mapping[str, tuple[str, ...]]) -> None:
        try:
            set_lists(server, lists, actor=self.shell.actor)
        except ValueError as error:
            self.refuse(str(error).rstrip("."), *(PARAMETERS[field] for field in lists))

    def _write_limits(self, server: TransportServer) -> None:
        given = [limit for limit in LIMITS if self.bound.given(limit.parameter)]
        if not given:
            return
        try:
            changes = {limit.field: self.bound.get(limit.parameter) for limit in given}
            set_limits(server, changes, actor=self.shell.actor)
        except ValueError as error:
            self.refuse(str(error).rstrip("."), *(limit.parameter for limit in given))
