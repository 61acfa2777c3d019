"""What all sessions of one listener share."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transport.back_pressure import Pressure
from transport.receiving.limits import Limits


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Name, rights, limits and clock of a listener."""

    fqdn: str
    may_relay: Callable[[str], bool]
    """Asked at RCPT with the client's address."""
    memory: Memory
    limits: Limits
    pressure: Pressure = field(default_factory=Pressure)
    """Asked at MAIL."""
    source: str = "SMTP"
    """MessageSourceName of the envelopes."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_token: Callable[[], str] = lambda: secrets.token_hex(8)
    """Id for the Received line."""
