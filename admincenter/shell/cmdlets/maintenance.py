"""Get- and Set-ServerComponentState, Redirect-Message: a server is taken out of service and back."""

from collections.abc import Iterator

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import TEXT, Parameter, one_of
from admincenter.shell.rows import Column, Row, RowType
from connectors.errors import shown
from transport import maintenance, servers
from transport.maintenance import COMPONENT
from transport.models import TransportServer
from transport.states import ComponentState

COMPONENT_STATE = RowType(
    name="server component",
    table=("Identity", "Component", "State", "RedirectTo"),
    columns=(
        Column(name="Identity", read=lambda one: one.name),
        Column(name="Component", read=lambda _one: COMPONENT),
        Column(name="State", read=lambda one: one.component_state),
        Column(name="RedirectTo", read=lambda one: one.redirect_to.name if one.redirect_to else ""),
    ),
)
IDENTITY = Parameter(
    name="Identity", kind=TEXT, position=0, help="Name of the transport server.", from_pipeline=True
)
COMPONENT_NAME = Parameter(name="Component", kind=TEXT, help=f"{COMPONENT}, the only one there is.")
STATE = Parameter(
    name="State",
    kind=one_of(ComponentState),
    required=True,
    help="Draining: no server queues mail here any more, and what waits is handed over to the other source"
    " servers of its connectors. Active: it gets its share again.",
)
REQUESTER = Parameter(name="Requester", kind=TEXT, help="Why, for the log: Maintenance.")
SOURCE = Parameter(name="Server", kind=TEXT, required=True, help="The server whose mail is moved.")
TARGET = Parameter(
    name="Target", kind=TEXT, required=True, help="The server, by name or FQDN, that gets the mail."
)


def named(cmdlet: Cmdlet, parameter: Parameter[str]) -> TransportServer:
    """Find the server that a parameter names, by its name or FQDN."""
    text = cmdlet.bound.get(parameter) or cmdlet.shell.server
    known = TransportServer.objects.select_related("redirect_to")
    found = known.filter(name__iexact=text).first() or known.filter(fqdn__iexact=text).first()
    if found is None:
        cmdlet.refuse(f"there is no transport server {shown(text)}", parameter)
    return found


class GetServerComponentState(Cmdlet):
    """Shows who takes mail."""

    name = "Get-ServerComponentState"
    synopsis = "Shows whether a transport server takes new mail."
    examples = ("Get-ServerComponentState E15MB1",)
    parameters = (IDENTITY, COMPONENT_NAME)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give one, or all."""
        del rows
        if self.bound.given(IDENTITY):
            yield COMPONENT_STATE.row(named(self, IDENTITY))
            return
        yield from map(COMPONENT_STATE.row, servers.registered())


class SetServerComponentState(Cmdlet):
    """Drains servers."""

    name = "Set-ServerComponentState"
    synopsis = "Takes a transport server out of service and back."
    remarks = (
        "A draining server finishes what it is sending and hands over what waits to the other source servers"
        " of its connectors; what no other server may send it goes on sending. Clients may still submit mail"
        " to it, which goes the same way: disable its receive connectors before you stop it."
    )
    examples = (
        "Set-ServerComponentState E15MB1 -Component HubTransport -State Draining -Requester Maintenance",
        "Set-ServerComponentState E15MB1 -Component HubTransport -State Active -Requester Maintenance",
    )
    parameters = (IDENTITY, COMPONENT_NAME, STATE, REQUESTER)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Set it."""
        del rows
        component = self.bound.get(COMPONENT_NAME) or COMPONENT
        if component.lower() != COMPONENT.lower():
            self.refuse(f"there is no component {shown(component)}; {COMPONENT} is meant", COMPONENT_NAME)
        server, state = named(self, IDENTITY), self.bound.get(STATE) or ComponentState.ACTIVE
        if self.approved(f"set {server.name} to {state.value}"):
            changed = maintenance.set_state(server, state, actor=self.shell.actor)
            already = "" if changed else "already "
            self.shell.console.note(f"{server.name} is {already}{state.value}.")
        return iter(())


class RedirectMessage(Cmdlet):
    """Moves the mail of a server."""

    name = "Redirect-Message"
    synopsis = "Moves the mail in all delivery queues of a server to another one."
    remarks = (
        "The server takes no new mail until that is done. What is being sent is finished first; suspended"
        " messages, suspended queues and poison messages stay, and so does what no other server may send."
    )
    examples = ("Redirect-Message -Server E15MB1 -Target e15mb2.contoso.com",)
    parameters = (SOURCE, TARGET)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Begin it."""
        del rows
        source, target = named(self, SOURCE), named(self, TARGET)
        if self.approved(f"move the mail of {source.name} to {target.name}"):
            try:
                maintenance.redirect(source, target=target, actor=self.shell.actor)
            except ValueError as error:
                self.refuse(str(error).rstrip("."), TARGET)
            then = "Get-ServerComponentState shows when it is done."
            self.shell.console.note(f"The mail of {source.name} goes to {target.name}; {then}")
        return iter(())
