"""Which addresses may relay: a list of networks."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


class Networks:
    """Networks in CIDR form, or single addresses; an IPv4-mapped IPv6 address counts as the IPv4 one."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raise ValueError, naming the text, for what is no network or has host bits set."""
        self._networks = tuple(ip_network(network.strip()) for network in networks)

    def contains(self, address: str) -> bool:
        """Return whether `address` lies in one of the networks; text that is no address lies in none."""
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def normalize(address: str) -> str:
    """Return a peer address without zone index, an IPv4-mapped IPv6 address as IPv4."""
    parsed = _parse(address)
    return str(parsed) if parsed is not None else address


@lru_cache(maxsize=4096)
def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
