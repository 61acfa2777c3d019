"""Whose word on DNSSEC counts.

The AD bit says that the server which answered has validated; anybody on the way can set it. So it counts
only from a DNS server that the administrator has configured and that runs on this machine (loopback), or
that he has marked as validating, which vouches for the path to it too (RFC 7672 section 2.1.1). The system's
own resolver is neither.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from transport.destinations.endpoints import parse_endpoint
from transport.destinations.resolver import DNS_PORT


def validators(dns_servers: Iterable[str], *, marked: Iterable[str]) -> tuple[str, ...]:
    """Give those of the configured DNS servers whose word counts, in their order. Raises ValueError.

    A search that needs validated answers asks these and no others: else a validator that is silent for a
    moment would open the way to an answer that nobody has validated.
    """
    trusted = {parse_endpoint(server, default_port=DNS_PORT) for server in marked}
    endpoints = [parse_endpoint(server, default_port=DNS_PORT) for server in dns_servers]
    return tuple(
        str(endpoint)
        for endpoint in endpoints
        if endpoint in trusted or ip_address(endpoint.address).is_loopback
    )
