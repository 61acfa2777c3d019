"""Addresses that strangers' DNS must not make us dial: this machine, its link, nobody in particular.

Private networks (RFC 1918, fc00::/7) are not among them: internal relays live there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_FORBIDDEN: tuple[tuple[Network, str], ...] = (
    (IPv4Network("0.0.0.0/8"), "an unspecified address"),
    (IPv4Network("127.0.0.0/8"), "a loopback address"),
    (IPv4Network("169.254.0.0/16"), "a link-local address"),
    (IPv4Network("224.0.0.0/4"), "a multicast address"),
    (IPv4Network("255.255.255.255/32"), "a broadcast address"),
    (IPv6Network("::/128"), "an unspecified address"),
    (IPv6Network("::1/128"), "a loopback address"),
    (IPv6Network("fe80::/10"), "a link-local address"),
    (IPv6Network("ff00::/8"), "a multicast address"),
)
_CARRIERS = tuple(
    IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
"""The last 32 bits are an IPv4 address: compatible, mapped, translated, NAT64 (RFC 4291, 6052, 8215)."""


def read_network(text: str) -> str:
    """Give the canonical form of a network or a single address. Raises ValueError for administrators."""
    try:
        # A zone index names a link of this machine; a rule about addresses has no use for it.
        return str(ip_network(text.strip().replace("%", "/")))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network like 127.0.0.0/8 or fe80::/10: {error}") from None


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which addresses may be dialled where DNS of strangers names them."""

    allowed: tuple[Network, ...] = ()
    """Networks that an administrator has listed: what lies in them is not forbidden."""

    @classmethod
    def allowing(cls, networks: Iterable[str]) -> "AddressRule":
        """Make the rule from a server's list. Raises ValueError for what is no network."""
        return cls(tuple(ip_network(text) for text in networks))

    def objection(self, address: str) -> str:
        """Say what the address is, such as `a loopback address`; empty when it may be dialled."""
        parsed = ip_address(address)
        if any(parsed in network for network in self.allowed):
            return ""
        hidden = _hidden_in(parsed)
        plain = _objection(parsed)
        if plain or hidden is None:
            return plain
        found = _objection(hidden)
        return f"{found} in disguise" if found else ""


def _objection(address: IPv4Address | IPv6Address) -> str:
    return next((what for network, what in _FORBIDDEN if address in network), "")


def _hidden_in(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, by translation or through a tunnel (6to4)."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in carrier for carrier in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour
