"""Addresses with ports as administrators write them: DNS servers and our own listeners."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

HIGHEST_PORT = 65535
_BRACKETED = re.compile(r"\[(?P<address>[^\]]*)\](?::(?P<port>\d{1,5}))?")
_PLAIN = re.compile(r"(?P<address>[^:]*)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One address and one port."""

    address: str
    """IPv4 or IPv6 address in its canonical form, without brackets."""
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_endpoint(text: str, *, default_port: int) -> Endpoint:
    """Read `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:53`.

    Raises ValueError with a sentence for administrators.
    """
    address, port = _split(text.strip(), default_port=default_port)
    if not 1 <= port <= HIGHEST_PORT:
        raise ValueError(f"{text!r}: port {port} is not between 1 and {HIGHEST_PORT}.")
    try:
        return Endpoint(address=str(ip_address(address)), port=port)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an IP address with an optional port, like 192.0.2.1:53 or [2001:db8::1]:53.",
        ) from None


def _split(text: str, *, default_port: int) -> tuple[str, int]:
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    if found is None:
        return text, default_port
    return found["address"], int(found["port"] or default_port)
