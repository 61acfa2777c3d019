"""Writes what an administrator sets on a transport server: the DNS servers that it asks."""

import logging
from collections.abc import Iterable

from transport.destinations.endpoints import parse_endpoint
from transport.models import TransportServer

logger = logging.getLogger(__name__)
DNS_PORT = 53
MAX_DNS_SERVERS = 20


def dns_server(text: str) -> str:
    """Give the stored form of a DNS server's address: its port only where it is not 53.

    Raises ValueError with a sentence for administrators.
    """
    endpoint = parse_endpoint(text, default_port=DNS_PORT)
    return endpoint.address if endpoint.port == DNS_PORT else str(endpoint)


def set_dns_servers(
    server: TransportServer,
    *,
    internal: Iterable[str] | None = None,
    external: Iterable[str] | None = None,
    actor: str,
) -> TransportServer:
    """Replace the lists that are given; an empty one means the resolver of the system.

    Raises ValueError with a sentence for administrators.
    """
    changed = []
    for field, addresses in (("internal_dns_servers", internal), ("external_dns_servers", external)):
        if addresses is not None:
            setattr(server, field, _checked(addresses))
            changed.append(field)
    server.save(update_fields=changed)
    fields = {"actor": actor, "server": server.name, "fields": changed}
    logger.info("server_dns_changed", extra=fields)
    return server


def _checked(addresses: Iterable[str]) -> list[str]:
    stored = list(dict.fromkeys(dns_server(address) for address in addresses))
    if len(stored) > MAX_DNS_SERVERS:
        raise ValueError(f"a server asks at most {MAX_DNS_SERVERS} DNS servers.")
    return stored
