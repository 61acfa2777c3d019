"""The list of receive connectors as its page shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from admincenter.accounts.rights import Right, may
from admincenter.components.bindings import troubles_of
from admincenter.components.lists import Fact, Order, read_order, read_selection, shortened
from admincenter.receive_connectors.editing import said
from admincenter.receive_connectors.sections.limits import LABELS
from admincenter.receive_connectors.sections.security import GROUP_NAMES, MECHANISM_NAMES
from connectors.models import ReceiveConnector
from connectors.receiving import Mechanism, PermissionGroup, ReceiveLimits, ReceiveSettings
from connectors.reception import settings_of

PAGE_ROWS = 200
SHOWN_RANGES = 20
"""Of up to 1300 in the details pane."""
COLUMNS = {"name": "name_key", "status": "enabled", "server": "server_name"}
ALWAYS_SHOWN = ("max_message_bytes", "max_recipients")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the list."""

    connector: ReceiveConnector
    bindings: str
    ranges: str
    troubles: Sequence[str]


def address(connector: ReceiveConnector) -> str:
    """Return the address of the list with this connector picked."""
    return f"{reverse('receive_connectors:list')}?selected={connector.pk}"


def context(request: HttpRequest) -> dict[str, object]:
    """Return what the list and its details pane need."""
    order = read_order(request, columns=list(COLUMNS), default="name")
    selected = read_selection(request.GET)
    page = Paginator(_ordered(order), PAGE_ROWS).get_page(request.GET.get("page"))
    chosen = list(ReceiveConnector.objects.filter(pk__in=selected).by_name())
    troubles = troubles_of([*page, *chosen])
    return {
        "order": order,
        "page": page,
        "rows": [_row(one, troubles.get(one.pk, ())) for one in page],
        "selected": {connector.pk for connector in chosen},
        "chosen": chosen,
        "facts": list(facts(settings_of(chosen[0]))) if len(chosen) == 1 else [],
        "troubles": troubles.get(chosen[0].pk, ()) if len(chosen) == 1 else (),
        "vanished": bool(selected) and not chosen,
        "may_change": may(request.user, Right.RECEIVE_CONNECTORS),
    }


def facts(settings: ReceiveSettings) -> Iterator[Fact]:
    """Yield what an administrator wants to know of one connector, in the order of the edit dialog."""
    yield Fact("Server", (settings.server,))
    yield Fact("Type", (settings.usage,))
    if settings.comment:
        yield Fact("Comment", (settings.comment,))
    yield Fact("Bindings", tuple(map(str, settings.bindings)))
    yield Fact("Remote IP ranges", tuple(_first(list(map(str, settings.remote_ranges)))))
    if settings.fqdn:
        yield Fact("FQDN", (settings.fqdn,))
    if settings.banner:
        yield Fact("Banner", (settings.banner,))
    yield Fact("TLS", tuple(_tls(settings)))
    names = tuple(MECHANISM_NAMES[one] for one in MECHANISM_NAMES if one in settings.auth)
    yield Fact("Authentication", names or ("None",))
    yield Fact("Permission groups", tuple(_permissions(settings)))
    yield from _limits(settings.limits)
    yield Fact("Protocol logging", ("Verbose" if settings.protocol_logging else "None",))


def _ordered(order: Order) -> QuerySet[ReceiveConnector]:
    column = F(COLUMNS[order.column])
    return ReceiveConnector.objects.order_by(
        column.desc() if order.descending else column.asc(), "server_name", "name_key", "id"
    )


def _row(connector: ReceiveConnector, troubles: Sequence[str]) -> Row:
    return Row(
        connector=connector,
        bindings=shortened(connector.bindings),
        ranges=shortened(connector.remote_ranges),
        troubles=troubles,
    )


def _first(ranges: Sequence[str]) -> Iterator[str]:
    yield from ranges[:SHOWN_RANGES]
    if len(ranges) > SHOWN_RANGES:
        yield f"and {len(ranges) - SHOWN_RANGES} more"


def _tls(settings: ReceiveSettings) -> Iterator[str]:
    if settings.require_tls:
        yield "Required"
    else:
        yield "Offered" if Mechanism.TLS in settings.auth else "Not offered"
    if settings.certificate:
        yield f"With the certificate {settings.certificate}"


def _permissions(settings: ReceiveSettings) -> Iterator[str]:
    if not settings.permissions:
        yield "None: nobody may send through this connector"
    for group in (one for one in GROUP_NAMES if one in settings.permissions):
        relays = group is PermissionGroup.ANONYMOUS and settings.anonymous_relay
        yield f"{GROUP_NAMES[group]}, to any recipient" if relays else GROUP_NAMES[group]


def _limits(limits: ReceiveLimits) -> Iterator[Fact]:
    """The limits everybody asks for, and those that are not the usual ones."""
    usual = ReceiveLimits()
    for name in (one.name for one in fields(ReceiveLimits)):
        value = getattr(limits, name)
        if name in ALWAYS_SHOWN or value != getattr(usual, name):
            yield Fact(LABELS[name], (said(name, value).partition(" (")[0],))
