"""Loopback ports that are free at the moment."""

import socket
from pathlib import Path


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def is_bound(port: int) -> bool:
    """Tell whether somebody listens on 127.0.0.1, without a connection that would count."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()
