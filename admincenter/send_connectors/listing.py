"""The list of send connectors as its page shows it."""

from collections.abc import Iterator
from dataclasses import replace

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from admincenter.accounts.rights import Right, may
from admincenter.components.lists import Fact, Order, read_order, read_selection
from connectors import send_parameters
from connectors.address_spaces import DEFAULT_COST, SMTP, AddressSpace
from connectors.commands import line
from connectors.models import SendConnector
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, Timeouts, TlsAuthLevel
from connectors.services import spec_of
from connectors.session_rules import STAGES
from connectors.specs import DEFAULT_PORT
from connectors.validators import format_size, format_time_span

PAGE_ROWS = 200
COLUMNS = {"name": "name_key", "status": "enabled", "type": "usage", "delivery": "delivery"}
AUTHENTICATION = {
    SmartHostAuth.NONE: "None",
    SmartHostAuth.BASIC: "Basic authentication",
    SmartHostAuth.BASIC_REQUIRE_TLS: "Basic authentication, only after starting TLS",
    SmartHostAuth.XOAUTH2: "OAuth 2.0 (XOAUTH2)",
    SmartHostAuth.EXTERNAL: "Externally secured",
}


def address(connector: SendConnector) -> str:
    """Return the address of the list with this connector picked."""
    return f"{reverse('send_connectors:list')}?selected={connector.pk}"


def context(request: HttpRequest) -> dict[str, object]:
    """Return what the list and its details pane need."""
    order = read_order(request, columns=list(COLUMNS), default="name")
    selected = read_selection(request.GET)
    page = Paginator(_ordered(order), PAGE_ROWS).get_page(request.GET.get("page"))
    chosen = list(SendConnector.objects.with_parts().filter(pk__in=selected).by_name())
    return {
        "order": order,
        "page": page,
        "selected": {connector.pk for connector in chosen},
        "chosen": chosen,
        "facts": list(facts(chosen[0])) if len(chosen) == 1 else [],
        "command": command(chosen[0]) if len(chosen) == 1 else "",
        "vanished": bool(selected) and not chosen,
        "may_change": may(request.user, Right.CONNECTORS),
        "may_test": may(request.user, Right.TEST_MESSAGES),
    }


def command(connector: SendConnector) -> str:
    """Write the line that makes this connector; its password is asked for."""
    spec = replace(spec_of(connector), sealed_password=connector.sealed_password)
    return line("New-SendConnector", changes=send_parameters.to_make(spec))


def facts(connector: SendConnector) -> Iterator[Fact]:
    """Yield what an administrator wants to know of one connector, in the order of the wizard."""
    yield Fact("Type", (connector.usage,))
    if connector.comment:
        yield Fact("Comment", (connector.comment,))
    yield from _delivery(connector)
    yield Fact("Address space", tuple(space_in_words(row.space) for row in connector.address_spaces.all()))
    if connector.scoped:
        yield Fact("Scope", ("Only servers in the same site as a source server",))
    yield Fact("Source server", tuple(row.server_name for row in connector.source_servers.all()))
    yield Fact("TLS", tuple(_tls(connector)))
    yield from _session(connector)
    yield Fact("Maximum message size", (format_size(connector.max_message_bytes).partition(" (")[0],))
    yield Fact("Protocol logging", ("Verbose" if connector.protocol_logging else "None",))


def space_in_words(space: AddressSpace) -> str:
    """Say an address space for people: `*.contoso.com`, and type and cost where they are unusual."""
    kind = "" if space.type == SMTP else f"{space.type}:"
    cost = "" if space.cost == DEFAULT_COST else f" (cost {space.cost})"
    return f"{kind}{space.readable}{cost}"


def _ordered(order: Order) -> QuerySet[SendConnector]:
    column = F(COLUMNS[order.column])
    return SendConnector.objects.with_parts().order_by(
        column.desc() if order.descending else column.asc(), "name_key", "id"
    )


def _delivery(connector: SendConnector) -> Iterator[Fact]:
    if connector.delivery == Delivery.MX:
        yield Fact("Network settings", ("MX record associated with recipient domain",))
    else:
        yield Fact("Smart host", tuple(row.host for row in connector.smart_hosts.all()))
        user = f", as {connector.username}" if connector.username else ""
        yield Fact("Smart host authentication", (AUTHENTICATION[SmartHostAuth(connector.auth)] + user,))
    if connector.port != DEFAULT_PORT:
        yield Fact("Port", (str(connector.port),))
    if connector.use_external_dns:
        yield Fact("DNS", ("External DNS lookup settings",))


def _session(connector: SendConnector) -> Iterator[Fact]:
    """What is unusual about the sessions of a connector."""
    if connector.source_ip_address:
        yield Fact("Source IP address", (connector.source_ip_address,))
    if connector.ip_family != IpFamily.ANY:
        yield Fact("IP family", (connector.ip_family,))
    if connector.force_helo:
        yield Fact("ForceHELO", ("HELO, never EHLO",))
    limits = (
        (connector.max_connections, "connections per next hop"),
        (connector.messages_per_second, "messages per second"),
        (connector.messages_per_day, "messages per day"),
    )
    if said := tuple(f"{value} {what}" for value, what in limits if value is not None):
        yield Fact("Limits", said)
    usual, own = Timeouts(), connector.timeouts
    changed = [one for one in STAGES if getattr(own, one) != getattr(usual, one)]
    if changed:
        spans = (f"{one}: {format_time_span(getattr(own, one))}" for one in changed)
        yield Fact("Time-outs", tuple(spans))


def _tls(connector: SendConnector) -> Iterator[str]:
    yield _starttls(connector)
    if connector.tls_certificate_name:
        yield f"With the certificate {connector.tls_certificate_name}"
    if connector.mta_sts:
        yield "MTA-STS policies are obeyed"
    if connector.dane:
        yield "DANE is obeyed"


def _starttls(connector: SendConnector) -> str:
    if connector.ignore_starttls:
        return "Never"
    if not connector.require_tls:
        return "Where the next hop offers it"
    level = connector.tls_auth_level or TlsAuthLevel.ENCRYPTION_ONLY
    domain = f" for {connector.tls_domain}" if connector.tls_domain else ""
    return f"Required ({level}{domain})"
