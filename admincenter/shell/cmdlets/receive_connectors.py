"""Get-, New-, Set- and Remove-ReceiveConnector: where mail comes in, from whom, under which conditions."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from admincenter.components.bindings import troubles_of
from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.connector_parameters import LoggingLevel
from admincenter.shell.cmdlets.receive_parameters import (
    AUTH,
    BINDINGS,
    LIMITS,
    LOGGING,
    NAME,
    NEW_NAME,
    NONE,
    PERMISSIONS,
    PLACES,
    PLAIN,
    REMOTE_RANGES,
    SERVER,
    SETTINGS,
    USAGE,
    USAGES,
)
from admincenter.shell.cmdlets.refusals import changed_list, told
from admincenter.shell.cmdlets.selecting import chosen
from admincenter.shell.parameters import TEXT, Parameter
from admincenter.shell.rows import Cell, Column, Row, RowType, Size, limit
from connectors import receive_services
from connectors.models import ReceiveConnector
from connectors.ranges import parse_binding, parse_range
from connectors.receive_rules import with_defaults
from connectors.receiving import Mechanism, PermissionGroup, ReceiveSettings, ReceiveUsage
from connectors.reception import settings_of


def _words(values: list[str]) -> Cell:
    return tuple(values) or (NONE,)


def _troubles(connector: ReceiveConnector) -> Cell:
    """Say which bindings the server could not have, or which certificate, and why."""
    return troubles_of([connector]).get(connector.pk, ())


RECEIVE_CONNECTOR = RowType(
    name="receive connector",
    table=("Identity", "Bindings", "Enabled"),
    columns=(
        Column(name="Identity", read=str),
        Column(name="Name", read=lambda one: one.name),
        Column(name="Server", read=lambda one: one.server_name),
        Column(name="Guid", read=lambda one: str(one.guid)),
        Column(name="Usage", read=lambda one: one.usage),
        Column(name="Enabled", read=lambda one: one.enabled, kind=Kind.FLAG),
        Column(name="Comment", read=lambda one: one.comment),
        Column(name="Bindings", read=lambda one: tuple(one.bindings)),
        Column(name="BindingTroubles", read=_troubles),
        Column(name="RemoteIPRanges", read=lambda one: tuple(one.remote_ranges)),
        Column(name="Fqdn", read=lambda one: one.fqdn),
        Column(name="Banner", read=lambda one: one.banner),
        Column(name="AuthMechanism", read=lambda one: _words(one.auth)),
        Column(name="PermissionGroups", read=lambda one: _words(one.permissions)),
        Column(name="AnonymousRelay", read=lambda one: one.anonymous_relay, kind=Kind.FLAG),
        Column(name="RequireTLS", read=lambda one: one.require_tls, kind=Kind.FLAG),
        Column(name="TlsCertificateName", read=lambda one: one.certificate),
        Column(name="MaxMessageSize", read=lambda one: Size(one.max_message_bytes), kind=Kind.SIZE),
        Column(name="MaxHeaderSize", read=lambda one: Size(one.max_header_bytes), kind=Kind.SIZE),
        Column(name="MaxHopCount", read=lambda one: one.max_hop_count, kind=Kind.NUMBER),
        Column(name="MaxRecipientsPerMessage", read=lambda one: one.max_recipients, kind=Kind.NUMBER),
        Column(name="MaxInboundConnection", read=lambda one: limit(one.max_connections)),
        Column(
            name="MaxInboundConnectionPerSource",
            read=lambda one: limit(one.max_connections_per_source),
        ),
        Column(
            name="MaxInboundConnectionPercentagePerSource",
            read=lambda one: one.max_connections_percent_per_source,
            kind=Kind.NUMBER,
        ),
        Column(name="MessageRateLimit", read=lambda one: limit(one.message_rate)),
        Column(name="MessageRateSource", read=lambda one: one.message_rate_source),
        Column(name="MaxProtocolErrors", read=lambda one: limit(one.max_protocol_errors)),
        Column(name="MaxLogonFailures", read=lambda one: one.max_logon_failures, kind=Kind.NUMBER),
        Column(name="ConnectionInactivityTimeout", read=lambda one: one.connection_inactivity_timeout),
        Column(name="ConnectionTimeout", read=lambda one: one.connection_timeout),
        Column(name="TarpitInterval", read=lambda one: one.tarpit_interval),
        Column(name="ProtocolLoggingLevel", read=lambda one: "Verbose" if one.protocol_logging else "None"),
        Column(name="WhenCreated", read=lambda one: one.created_at, kind=Kind.TIME),
        Column(name="WhenChanged", read=lambda one: one.changed_at, kind=Kind.TIME),
        Column(name="ChangedBy", read=lambda one: one.changed_by),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=TEXT,
    position=0,
    help=r"Server\Name, a name that only one server has, or a GUID.",
    from_pipeline=True,
)


def _identified(cmdlet: Cmdlet, identity: str) -> ReceiveConnector:
    found = list(ReceiveConnector.objects.identified(identity).by_name()[:2])
    if not found:
        cmdlet.refuse(f"there is no receive connector {identity}", IDENTITY)
    if len(found) > 1:
        cmdlet.refuse(f"several servers have a receive connector {identity}: write Server\\Name", IDENTITY)
    return found[0]


def _chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[ReceiveConnector]:
    return chosen(cmdlet, rows, identity=IDENTITY, find=lambda text: _identified(cmdlet, text))


class GetReceiveConnector(Cmdlet):
    """Lists connectors."""

    name = "Get-ReceiveConnector"
    synopsis = "Lists the receive connectors of all servers or of one, or one of them."
    remarks = "BindingTroubles says which binding or certificate a running server could not have, and why."
    examples = ("Get-ReceiveConnector", "Get-ReceiveConnector -Server E15MB1 | fl Identity,Binding*")
    parameters = (IDENTITY, SERVER)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by server and name."""
        del rows
        identity, server = self.bound.get(IDENTITY) or "*", self.bound.get(SERVER) or "*"
        if "*" not in identity:
            yield RECEIVE_CONNECTOR.row(_identified(self, identity))
            return
        for connector in ReceiveConnector.objects.by_name():
            named = matches(connector.name, identity) or matches(str(connector), identity)
            if named and matches(connector.server_name, server):
                yield RECEIVE_CONNECTOR.row(connector)


class NewReceiveConnector(Cmdlet):
    """Makes a connector."""

    name = "New-ReceiveConnector"
    synopsis = "Makes a receive connector: where to listen, and for whom. It listens within seconds."
    remarks = (
        "Several connectors can share a binding; the one with the most specific range serves a client. "
        "Mail of anonymous clients is taken for accepted domains only (New-AcceptedDomain), unless "
        "-AnonymousRelay."
    )
    examples = (
        "New-ReceiveConnector Submission -Usage Client -Bindings 0.0.0.0:587,0.0.0.0:465/tls",
        (
            "New-ReceiveConnector Scanners -Bindings 0.0.0.0:25 -RemoteIPRanges 192.168.5.10-192.168.5.20"
            " -PermissionGroups AnonymousUsers -AnonymousRelay $true"
        ),
    )
    parameters = (NAME, SERVER, USAGE, *USAGES.values(), *SETTINGS)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Make it and give it."""
        del rows
        blank = ReceiveSettings(
            name=self.bound.get(NAME) or "",
            server=(self.bound.get(SERVER) or self.shell.server).upper(),
            usage=self._usage(),
        )
        settings = _changed(self, blank)
        if not settings.remote_ranges and not settings.relays:
            settings = replace(settings, remote_ranges=tuple(map(parse_range, receive_services.EVERYBODY)))
        if not (self.bound.given(AUTH) or self.bound.given(PERMISSIONS)):
            settings = with_defaults(settings)
        if self.approved(f"make the receive connector {settings.server}\\{settings.name}"):
            made = told(
                self, lambda: receive_services.create(settings, actor=self.shell.actor), places=PLACES
            )
            yield RECEIVE_CONNECTOR.row(ReceiveConnector.objects.get(pk=made.pk))

    def _usage(self) -> ReceiveUsage:
        self.refuse_together(USAGE, *USAGES.values())
        by_switch = (usage for usage, switch in USAGES.items() if self.bound.get(switch))
        return next(by_switch, self.bound.get(USAGE) or ReceiveUsage.CUSTOM)


class SetReceiveConnector(Cmdlet):
    """Changes connectors."""

    name = "Set-ReceiveConnector"
    synopsis = "Changes settings of a receive connector; what is not named stays as it is."
    remarks = (
        "New sessions obey within seconds, open ones end as they began. A plain list replaces all values; "
        '@{Add="a","b"; Remove="c"} changes some.'
    )
    examples = (
        r"Set-ReceiveConnector E15MB1\Submission -TlsCertificateName mail.contoso.com -RequireTLS $true",
        'Set-ReceiveConnector Scanners -RemoteIPRanges @{Add="192.168.6.0/24"}',
        "Set-ReceiveConnector Scanners -Enabled $false",
    )
    parameters = (IDENTITY, NEW_NAME, *SETTINGS)
    accepts = (RECEIVE_CONNECTOR,)
    changes = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Change one after the other; each is all or nothing."""
        for connector in _chosen(self, rows):
            settings = settings_of(connector)
            if self.bound.given(NEW_NAME):
                settings = replace(settings, name=self.bound.get(NEW_NAME) or "")
            settings = _changed(self, settings)
            if self.approved(f"change the receive connector {connector}"):
                told(self, lambda one=connector, to=settings: self._change(one, to), places=PLACES)  # type: ignore[misc]
        return iter(())

    def _change(self, connector: ReceiveConnector, settings: ReceiveSettings) -> ReceiveConnector:
        return receive_services.change(connector.pk, settings, actor=self.shell.actor)


def _changed(cmdlet: Cmdlet, settings: ReceiveSettings) -> ReceiveSettings:
    """Give the connector with all that the call says."""
    bound = cmdlet.bound
    changes: dict[str, Any] = {field: bound.get(one) for one, field in PLAIN if bound.given(one)}
    limits: dict[str, Any] = {field: bound.get(one) for one, field in LIMITS if bound.given(one)}
    if bound.given(LOGGING):
        changes["protocol_logging"] = bound.get(LOGGING) is LoggingLevel.VERBOSE
    if bound.given(AUTH):
        changes["auth"] = frozenset(map(Mechanism, _named(cmdlet, AUTH)))
    if bound.given(PERMISSIONS):
        changes["permissions"] = frozenset(map(PermissionGroup, _named(cmdlet, PERMISSIONS)))
    return replace(
        settings,
        bindings=changed_list(cmdlet, BINDINGS, settings.bindings, read=parse_binding),
        remote_ranges=changed_list(cmdlet, REMOTE_RANGES, settings.remote_ranges, read=parse_range),
        limits=replace(settings.limits, **limits),
        **changes,
    )


def _named(cmdlet: Cmdlet, parameter: Parameter[tuple[str, ...]]) -> tuple[str, ...]:
    words = cmdlet.bound.get(parameter) or ()
    if NONE in words and len(words) > 1:
        cmdlet.refuse(f"-{parameter.name}: {NONE} stands alone", parameter)
    return tuple(word for word in words if word != NONE)


class RemoveReceiveConnector(Cmdlet):
    """Removes connectors."""

    name = "Remove-ReceiveConnector"
    synopsis = "Removes a receive connector; sessions that are open end by themselves."
    examples = (r"Remove-ReceiveConnector E15MB1\Scanners -Confirm:$false",)
    parameters = (IDENTITY,)
    accepts = (RECEIVE_CONNECTOR,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove all that came in, in one transaction."""
        connectors = _chosen(self, rows)
        names = ", ".join(map(str, connectors))
        if connectors and self.approved(f"remove the receive connector {names}"):
            count = receive_services.remove([one.pk for one in connectors], actor=self.shell.actor)
            self.shell.console.note(f"Receive connectors removed: {count}.")
        return iter(())
