"""Get- and Remove-SendConnector, and what a send connector looks like in the shell."""

from collections.abc import Iterator
from decimal import Decimal

from admincenter.filtering.properties import Kind
from admincenter.filtering.wildcards import matches
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets import selecting
from admincenter.shell.cmdlets.connector_session_parameters import TIMEOUTS
from admincenter.shell.parameters import TEXT, Parameter
from admincenter.shell.rows import Cell, Column, Row, RowType, Size, limit
from connectors import services
from connectors.models import SendConnector
from connectors.profiles import Delivery


def _size(connector: SendConnector) -> Cell:
    return limit(None if connector.max_message_bytes is None else Size(connector.max_message_bytes))


def _rate(value: Decimal | None) -> Cell:
    return limit(None if value is None else str(value))


def _timeout_column(name: str, stage: str) -> Column:
    return Column(name=name, read=lambda one: getattr(one.timeouts, stage))


SEND_CONNECTOR = RowType(
    name="send connector",
    table=("Identity", "AddressSpaces", "Enabled"),
    columns=(
        Column(name="Identity", read=lambda one: one.name),
        Column(name="Name", read=lambda one: one.name),
        Column(name="Guid", read=lambda one: str(one.guid)),
        Column(name="Usage", read=lambda one: one.usage),
        Column(name="Enabled", read=lambda one: one.enabled, kind=Kind.FLAG),
        Column(name="Comment", read=lambda one: one.comment),
        Column(
            name="AddressSpaces", read=lambda one: tuple(str(row.space) for row in one.address_spaces.all())
        ),
        Column(name="IsScopedConnector", read=lambda one: one.scoped, kind=Kind.FLAG),
        Column(name="DNSRoutingEnabled", read=lambda one: one.delivery == Delivery.MX.value, kind=Kind.FLAG),
        Column(name="SmartHosts", read=lambda one: tuple(row.host for row in one.smart_hosts.all())),
        Column(name="SmartHostAuthMechanism", read=lambda one: one.auth),
        # The user name alone: a password goes in and never comes out.
        Column(name="AuthenticationCredential", read=lambda one: one.username),
        Column(name="OAuthTokenUrl", read=lambda one: one.oauth_token_url),
        Column(name="OAuthClientId", read=lambda one: one.oauth_client_id),
        Column(name="OAuthScope", read=lambda one: one.oauth_scope),
        Column(name="UseExternalDNSServersEnabled", read=lambda one: one.use_external_dns, kind=Kind.FLAG),
        Column(name="Port", read=lambda one: one.port, kind=Kind.NUMBER),
        Column(name="Fqdn", read=lambda one: one.fqdn),
        Column(name="ForceHELO", read=lambda one: one.force_helo, kind=Kind.FLAG),
        Column(name="SourceIPAddress", read=lambda one: one.source_ip_address or "0.0.0.0"),  # noqa: S104 - a word
        Column(name="IpFamily", read=lambda one: one.ip_family),
        Column(
            name="SourceTransportServers",
            read=lambda one: tuple(row.server_name for row in one.source_servers.all()),
        ),
        Column(name="MaxMessageSize", read=_size, kind=Kind.SIZE),
        Column(name="ConnectionInactivityTimeOut", read=lambda one: one.inactivity_timeout),
        Column(
            name="SmtpMaxMessagesPerConnection",
            read=lambda one: one.messages_per_connection,
            kind=Kind.NUMBER,
        ),
        Column(name="MaxConnectionsPerNextHop", read=lambda one: limit(one.max_connections)),
        Column(name="MaxMessagesPerSecond", read=lambda one: _rate(one.messages_per_second)),
        Column(name="MaxMessagesPerDay", read=lambda one: limit(one.messages_per_day)),
        *(_timeout_column(parameter.name, stage) for parameter, stage in TIMEOUTS),
        Column(name="ProtocolLoggingLevel", read=lambda one: "Verbose" if one.protocol_logging else "None"),
        Column(name="RequireTLS", read=lambda one: one.require_tls, kind=Kind.FLAG),
        Column(name="IgnoreSTARTTLS", read=lambda one: one.ignore_starttls, kind=Kind.FLAG),
        Column(name="TlsAuthLevel", read=lambda one: one.tls_auth_level),
        Column(name="TlsDomain", read=lambda one: one.tls_domain),
        Column(name="TlsCertificateName", read=lambda one: one.tls_certificate_name),
        Column(name="MtaStsEnabled", read=lambda one: one.mta_sts, kind=Kind.FLAG),
        Column(name="DaneEnabled", read=lambda one: one.dane, kind=Kind.FLAG),
        Column(name="WhenCreated", read=lambda one: one.created_at, kind=Kind.TIME),
        Column(name="WhenChanged", read=lambda one: one.changed_at, kind=Kind.TIME),
        Column(name="ChangedBy", read=lambda one: one.changed_by),
    ),
)
IDENTITY = Parameter(
    name="Identity",
    kind=TEXT,
    position=0,
    help="Name or GUID of the send connector.",
    from_pipeline=True,
)


def chosen(cmdlet: Cmdlet, rows: Iterator[Row] | None) -> list[SendConnector]:
    """Find the connectors that a call means, by Identity or from the pipeline."""
    return selecting.chosen(cmdlet, rows, identity=IDENTITY, find=lambda text: _identified(cmdlet, text))


def _identified(cmdlet: Cmdlet, identity: str) -> SendConnector:
    found = SendConnector.objects.with_parts().identified(identity).first()
    if found is None:
        cmdlet.refuse(f"there is no send connector {identity}", IDENTITY)
    return found


class GetSendConnector(Cmdlet):
    """Lists connectors."""

    name = "Get-SendConnector"
    synopsis = "Lists the send connectors, or one of them."
    examples = ("Get-SendConnector", "Get-SendConnector Internet | fl", "Get-SendConnector *smart*")
    parameters = (IDENTITY,)

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give them by name."""
        del rows
        identity = self.bound.get(IDENTITY) or "*"
        if "*" not in identity:
            yield SEND_CONNECTOR.row(_identified(self, identity))
            return
        for connector in SendConnector.objects.with_parts().by_name():
            if matches(connector.name, identity):
                yield SEND_CONNECTOR.row(connector)


class RemoveSendConnector(Cmdlet):
    """Removes connectors."""

    name = "Remove-SendConnector"
    synopsis = "Removes a send connector with its stored password; what waits for it is routed anew."
    examples = ("Remove-SendConnector Internet", "Remove-SendConnector Internet -Confirm:$false")
    parameters = (IDENTITY,)
    accepts = (SEND_CONNECTOR,)
    changes = True
    asks = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Remove all that came in, in one transaction."""
        connectors = chosen(self, rows)
        names = ", ".join(connector.name for connector in connectors)
        if connectors and self.approved(f"remove the send connector {names}"):
            count = services.remove([connector.pk for connector in connectors], actor=self.shell.actor)
            self.shell.console.note(f"Send connectors removed: {count}.")
        return iter(())
