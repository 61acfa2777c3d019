"""What this server is called and where it listens: mail must not be sent back to it."""

import socket
from collections.abc import Iterable
from ipaddress import ip_address

from transport.destinations.endpoints import Endpoint, parse_endpoint
from transport.destinations.names import is_host_name


class Ourselves:
    """Recognises this server by name, and by an address and port that it listens on."""

    def __init__(self, *, names: Iterable[str], listeners: Iterable[str]) -> None:
        self._names = frozenset(name.lower().removesuffix(".") for name in names)
        self._listeners = tuple(_listener(text) for text in listeners)

    def is_named(self, name: str) -> bool:
        """Whether the A-label name is one of ours."""
        return name in self._names

    def listens_on(self, address: str, port: int) -> bool:
        """Whether a connection to there would reach this server's own listener."""
        return any(_reaches(listener, address, port) for listener in self._listeners)


def _listener(text: str) -> Endpoint:
    """Read a listener; one that is bound to a name counts for every address of this machine."""
    host, _, port = text.rpartition(":")
    if host in ("", "*") or is_host_name(host.lower()):
        return Endpoint(address="0.0.0.0", port=int(port))  # noqa: S104 -- compared, never bound
    return parse_endpoint(text, default_port=25)


def _reaches(listener: Endpoint, address: str, port: int) -> bool:
    if listener.port != port:
        return False
    if ip_address(listener.address).is_unspecified:
        return is_local(address)
    return listener.address == address


def is_local(address: str) -> bool:
    """Whether the address belongs to this machine: only then the kernel lets us bind it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
