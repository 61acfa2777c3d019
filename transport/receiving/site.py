"""What all sessions of one receive connector share."""

import secrets
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto

from connectors.accepted_domains import AcceptedDomains
from connectors.application_passwords import Logins
from transport.back_pressure import Pressure
from transport.receiving.limits import Limits
from transport.receiving.log import OpenLog
from transport.receiving.throttles import LogonGuard, MessageRate


class Memory:
    """How many bytes all sessions of a listener hold."""

    __slots__ = ("held_bytes", "limit_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.held_bytes = 0
        self.limit_bytes = limit_bytes

    @property
    def short(self) -> bool:
        """Return whether no further message should be begun."""
        return self.held_bytes > self.limit_bytes

    def used_percent(self) -> float:
        """Return how much of the limit is held."""
        return 100 * self.held_bytes / self.limit_bytes


class Crowd:
    """How many clients a connector has, and from where; outlives a change of its settings."""

    __slots__ = ("per_source", "total")

    def __init__(self) -> None:
        self.total = 0
        self.per_source: Counter[str] = Counter()

    def enter(self, address: str) -> None:
        """Count a client in."""
        self.total += 1
        self.per_source[address] += 1

    def leave(self, address: str) -> None:
        """Count it out."""
        self.total -= 1
        self.per_source[address] -= 1
        if not self.per_source[address]:
            del self.per_source[address]

    def exceeds(self, limits: Limits, address: str) -> bool:
        """Tell whether the client that just entered from this address is one too many."""
        here = self.per_source[address]
        if limits.max_connections is not None:
            free = limits.max_connections - self.total + 1
            percent = limits.max_connections_percent_per_source
            if free < 1 or (percent is not None and here > max(1, free * percent // 100)):
                return True
        return limits.max_connections_per_source is not None and here > limits.max_connections_per_source


class LogonWhen(Enum):
    """When clients may sign in."""

    NEVER = auto()
    UNDER_TLS = auto()
    ALWAYS = auto()
    """In clear text too: BasicAuth without BasicAuthRequireTLS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What clients of a connector may do (permission groups and mechanisms, exchange.md 10.1)."""

    anonymous: bool = False
    """Send to accepted domains without signing in."""
    partners: bool = False
    """The same under TLS only."""
    relay: bool = False
    """Send to any recipient without signing in."""
    logon: LogonWhen = LogonWhen.NEVER
    starttls: bool = False
    require_tls: bool = False
    """No mail before TLS."""


@dataclass(kw_only=True, slots=True)
class Registry:
    """Accepted domains and logins, replaced while sessions are open: a revoked login ends at once."""

    domains: AcceptedDomains = field(default_factory=AcceptedDomains)
    logins: Logins = field(default_factory=Logins)
    used: dict[int, datetime] = field(default_factory=dict)
    """When logins were used, until somebody writes it down."""


def _no_certificate() -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Name, rights, limits and clock of a connector."""

    fqdn: str
    memory: Memory
    limits: Limits
    rights: Rights = Rights()
    registry: Registry = field(default_factory=Registry)
    pressure: Pressure = field(default_factory=Pressure)
    """Asked at MAIL."""
    encryption: Callable[[], ssl.SSLContext | None] = _no_certificate
    """None while there is no usable certificate."""
    crowd: Crowd = field(default_factory=Crowd)
    message_rate: MessageRate = field(default_factory=MessageRate)
    logon_guard: LogonGuard = field(default_factory=LogonGuard)
    banner: str = ""
    """The greeting; empty: the usual one."""
    closed: bytes = b""
    """The reply that turns every client away; empty: they are welcome."""
    source: str = "SMTP"
    """MessageSourceName of the envelopes."""
    open_log: OpenLog | None = None
    """Opens the receive protocol log of a connection; None while there is to be none."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_token: Callable[[], str] = lambda: secrets.token_hex(8)
    """Id for the Received line."""
