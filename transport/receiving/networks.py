"""Addresses of clients in their plain form."""

from functools import lru_cache

from connectors.ranges import plain


@lru_cache(maxsize=4096)
def normalize(address: str) -> str:
    """Return a peer address without zone index, an IPv4-mapped IPv6 address as IPv4."""
    parsed = plain(address)
    return str(parsed) if parsed is not None else address
