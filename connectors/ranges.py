"""Where a receive connector listens and whom it serves: bindings and IP ranges (exchange.md 10.1)."""

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv6Address,
    ip_address,
    ip_network,
    summarize_address_range,
)

from connectors.errors import InvalidValue

IMPLICIT_TLS_SUFFIX = "/tls"
_BINDING = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})(/tls)?", re.IGNORECASE)
_BITS = {4: 32, 6: 128}
_MAX_PORT = 65_535
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Binding:
    """One local address and port; made by `parse_binding`."""

    address: str
    """IPv4 or IPv6 address without brackets; `0.0.0.0` and `::` are every address of their kind."""
    port: int
    implicit_tls: bool = False
    """The handshake comes first, as on port 465 (RFC 8314)."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}{IMPLICIT_TLS_SUFFIX if self.implicit_tls else ''}"

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every address."""
        return self.address in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    def covers(self, other: "Binding") -> bool:
        """Tell whether a socket of this binding gets the connections of the other one."""
        if self.port != other.port or (":" in self.address) != (":" in other.address):
            return False
        return self.is_wildcard or self.address == other.address

    def overlaps(self, other: "Binding") -> bool:
        """Tell whether some connection could belong to both."""
        return self.covers(other) or other.covers(self)


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Consecutive IP addresses of one kind; made by `parse_range`."""

    version: int
    """4 or 6."""
    first: int
    last: int

    def __str__(self) -> str:
        first, last = self._address(self.first), self._address(self.last)
        if first == last:
            return str(first)
        networks = list(summarize_address_range(first, last))
        return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"

    @property
    def size(self) -> int:
        """How many addresses; fewer are more specific."""
        return self.last - self.first + 1

    @property
    def is_everybody(self) -> bool:
        """Whether it holds every address of its kind."""
        return self.size == 1 << _BITS[self.version]

    def contains(self, address: Address) -> bool:
        """Tell whether an address lies in it."""
        return address.version == self.version and self.first <= int(address) <= self.last

    def _address(self, number: int) -> Address:
        return IPv4Address(number) if self.version == 4 else IPv6Address(number)  # noqa: PLR2004 - IPv4


def parse_binding(text: str) -> Binding:
    """Read `192.0.2.1:25`, `0.0.0.0:25`, `[::]:25`; `/tls` behind it is implicit TLS. Raises InvalidValue."""
    match = _BINDING.fullmatch(text.strip())
    if match is None:
        rule = "a binding reads address:port, as in 0.0.0.0:25 or [::]:25; with implicit TLS 0.0.0.0:465/tls"
        raise InvalidValue("bindings", text, rule)
    address, port = _address(match[1] or match[2]), int(match[3])
    if address is None or (match[1] is None) != (address.version == 4):  # noqa: PLR2004 - IPv4
        raise InvalidValue("bindings", text, "that is no IP address")
    if not 1 <= port <= _MAX_PORT:
        raise InvalidValue("bindings", text, "a port is a whole number from 1 to 65535")
    return Binding(str(address), port, match[4] is not None)


def parse_range(text: str) -> AddressRange:
    """Read one address, a network (`10.0.0.0/8`) or `first-last`. Raises InvalidValue."""
    written = text.strip()
    first, hyphen, last = (part.strip() for part in written.partition("-"))
    if hyphen:
        return _span(_address(first), _address(last), written=written)
    try:
        network = ip_network(written)
    except ValueError as error:
        rule = "an IP range is an address, a network as in 10.0.0.0/8, or first-last"
        raise InvalidValue(
            "remote_ranges", written, f"it {rule_of(error)}" if "host bits" in str(error) else rule
        ) from None
    return AddressRange(network.version, int(network.network_address), int(network.broadcast_address))


def rule_of(error: ValueError) -> str:
    """Say what ipaddress says, without the text that it repeats."""
    return str(error).partition(" ")[2]


def plain(text: str) -> Address | None:
    """Read a peer's address: without zone index, IPv4-mapped IPv6 as IPv4; None when it is none."""
    parsed = _address(text.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _span(first: Address | None, last: Address | None, *, written: str) -> AddressRange:
    if first is None or last is None or first.version != last.version:
        raise InvalidValue(
            "remote_ranges", written, "a range is made of two addresses of one kind, first-last"
        )
    if int(first) > int(last):
        raise InvalidValue("remote_ranges", written, "the first address of a range comes before the last")
    return AddressRange(first.version, int(first), int(last))


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
