"""Writes what an administrator sets on a transport server: whom it asks, when it tries, how much it does."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors import audit
from connectors.commands import Settings, Value, compared, limit, size, spelled
from transport import intervals
from transport.ceilings import Ceilings
from transport.destinations.endpoints import parse_endpoint
from transport.destinations.forbidden import read_network
from transport.keeping import PATHS, Keeping
from transport.models import TransportServer
from transport.retries import Schedule, lifetimes

Limit = int | bool | str | timedelta | None

logger = logging.getLogger(__name__)
SET = "Set-TransportService"
DNS_PORT = 53
MAX_VALUES = 20


def dns_server(text: str) -> str:
    """Give the stored form of a DNS server's address: its port only where it is not 53.

    Raises ValueError with a sentence for administrators.
    """
    endpoint = parse_endpoint(text, default_port=DNS_PORT)
    return endpoint.address if endpoint.port == DNS_PORT else str(endpoint)


LISTS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "internal_dns_servers": dns_server,
        "external_dns_servers": dns_server,
        "validating_dns_servers": dns_server,
        "allowed_mx_networks": read_network,
    }
)
"""Fields of a server that hold a list, and what makes the stored form of a value."""


@audit.tells_refusals(SET, named=lambda server, *_, **__: server.name)
def set_lists(server: TransportServer, lists: Mapping[str, Iterable[str]], *, actor: str) -> TransportServer:
    """Replace the lists that are given, by field. Raises ValueError with a sentence for administrators."""
    old = {field: list(getattr(server, field)) for field in lists}
    for field, values in lists.items():
        setattr(server, field, _checked(values, read=LISTS[field]))
    if lists:
        with transaction.atomic():
            server.save(update_fields=list(lists))
            _record(server, old, {field: getattr(server, field) for field in lists}, actor=actor)
        told = {"actor": actor, "server": server.name, "fields": list(lists)}
        logger.info("server_settings_changed", extra=told)
    return server


def _record(server: TransportServer, old: Mapping[str, Any], new: Mapping[str, Any], *, actor: str) -> None:
    changes = compared(_parameters(old), _parameters(new))
    if changes:
        audit.record(SET, actor=actor, objects=[server.name], changes=changes)


def _parameters(values: Mapping[str, Any]) -> Settings:
    return {parameter_name(field): _spelled(field, value) for field, value in values.items()}


def _spelled(field: str, value: Any) -> Value:
    """A path that is not set is no path; any other limit is unlimited."""
    if field.endswith("_bytes"):
        return size(value)
    return spelled(value or None) if field in PATHS or field in LISTS else limit(value)


def parameter_name(field: str) -> str:
    """Give Exchange's name: `queue_max_idle_time` is `QueueMaxIdleTime`, sizes in bytes end in `Size`."""
    name = field.removesuffix("_bytes").title().replace("_", "") + "Size" * field.endswith("_bytes")
    return name.replace("Dns", "DNS") if field in LISTS else name


def _checked(values: Iterable[str], *, read: Callable[[str], str]) -> list[str]:
    stored = list(dict.fromkeys(read(value) for value in values))
    if len(stored) > MAX_VALUES:
        raise ValueError(f"a list of a server holds at most {MAX_VALUES} values.")
    return stored


@audit.tells_refusals(SET, named=lambda server, *_, **__: server.name)
def set_limits(server: TransportServer, changes: Mapping[str, Limit], *, actor: str) -> TransportServer:
    """Change intervals and limits; the names are the fields of `Schedule`, `Ceilings` and `Keeping`.

    Running processes obey within seconds, also for mail that waits. Raises ValueError with a sentence for
    administrators when a value is out of range or two do not fit each other.
    """
    with transaction.atomic():
        current = TransportServer.objects.select_for_update().get(pk=server.pk)
        before = {name: getattr(current, name) for name in changes}
        old = lifetimes(_read(Schedule, current))
        for name, value in changes.items():
            setattr(current, name, value)
        _read(Ceilings, current)
        _read(Keeping, current)
        if lifetimes(_read(Schedule, current)) != old:
            current.expiry_changed_at, current.expiry_cursor = timezone.now(), 0
        current.save(update_fields=[*changes, "expiry_changed_at", "expiry_cursor"])
        transaction.on_commit(intervals.forget)
        _record(current, before, changes, actor=actor)
    changed = {name: f"{before[name]} -> {value}" for name, value in changes.items()}
    logger.info("server_limits_changed", extra={"actor": actor, "server": current.name, "changes": changed})
    return current


def _read(kind: type[Any], server: TransportServer) -> Any:
    """Make a `Schedule`, `Ceilings` or `Keeping` of the row, which checks it."""
    return kind(**{field.name: getattr(server, field.name) for field in fields(kind)})
