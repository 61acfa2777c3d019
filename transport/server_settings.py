"""Writes what an administrator sets on a transport server: whom it asks, when it tries, how much it does."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.utils import timezone

from transport import intervals
from transport.ceilings import Ceilings
from transport.destinations.endpoints import parse_endpoint
from transport.destinations.forbidden import read_network
from transport.keeping import Keeping
from transport.models import TransportServer
from transport.retries import Schedule, lifetimes

Limit = int | bool | str | timedelta | None

logger = logging.getLogger(__name__)
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


def set_lists(server: TransportServer, lists: Mapping[str, Iterable[str]], *, actor: str) -> TransportServer:
    """Replace the lists that are given, by field. Raises ValueError with a sentence for administrators."""
    for field, values in lists.items():
        setattr(server, field, _checked(values, read=LISTS[field]))
    if lists:
        server.save(update_fields=list(lists))
        fields = {"actor": actor, "server": server.name, "fields": list(lists)}
        logger.info("server_settings_changed", extra=fields)
    return server


def _checked(values: Iterable[str], *, read: Callable[[str], str]) -> list[str]:
    stored = list(dict.fromkeys(read(value) for value in values))
    if len(stored) > MAX_VALUES:
        raise ValueError(f"a list of a server holds at most {MAX_VALUES} values.")
    return stored


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
    changed = {name: f"{before[name]} -> {value}" for name, value in changes.items()}
    logger.info("server_limits_changed", extra={"actor": actor, "server": current.name, "changes": changed})
    return current


def _read(kind: type[Any], server: TransportServer) -> Any:
    """Make a `Schedule`, `Ceilings` or `Keeping` of the row, which checks it."""
    return kind(**{field.name: getattr(server, field.name) for field in fields(kind)})
