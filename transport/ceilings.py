"""How much one transport server does at once, bears and keeps (exchange.md 7.1)."""

from dataclasses import dataclass

from transport.envelope import Priority

MOST = 2_147_483_647
KB, MB, GB, TB = 2**10, 2**20, 2**30, 2**40
RANGES = {
    "max_outbound_connections": (1, MOST),
    "max_per_domain_outbound_connections": (1, MOST),
    "poison_threshold": (1, 10),
    "max_high_priority_message_bytes": (1, MOST),
    "http_submission_max_messages_per_minute": (1, MOST),
    "max_queued_messages": (1, MOST),
    "pickup_directory_max_messages_per_minute": (1, 20_000),
    "pickup_directory_max_header_bytes": (32 * KB, MOST),
    "pickup_directory_max_recipients_per_message": (1, 10_000),
    "safety_net_max_bytes": (1 * MB, 1024 * TB),
    "external_dsn_max_message_attach_bytes": (0, 10 * MB),
    "max_reports_per_sender_per_hour": (1, MOST),
}
"""What Set-TransportService accepts; ours where Exchange documents no range."""
UNLIMITED = (
    "max_outbound_connections",
    "max_per_domain_outbound_connections",
    "max_queued_messages",
    "safety_net_max_bytes",
    "max_reports_per_sender_per_hour",
)
"""These may also be None: as much as there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceilings:
    """The limits of one transport server, named as the parameters of Set-TransportService.

    Raises ValueError when a value is outside its range.
    """

    max_outbound_connections: int | None = 1000
    max_per_domain_outbound_connections: int | None = 20
    poison_threshold: int = 2
    """How often the handling of a message may break a worker before it is laid aside."""
    priority_queuing_enabled: bool = True
    """Off, all new mail is Normal. Exchange leaves it off until it is asked for."""
    max_high_priority_message_bytes: int = 250 * KB
    """A larger message of High priority counts as Normal (exchange.md 7.4)."""
    safety_net_max_bytes: int | None = 1 * GB
    """How much content of ended messages is kept, about; Exchange has no such setting, a disk has.

    100,000 messages of 4 KiB take up 465 MB of the database, so this is two days of 100,000 messages each.
    """
    max_queued_messages: int | None = 1_000_000
    """In all queues of the server; beyond them it takes no more (back pressure)."""
    http_submission_max_messages_per_minute: int = 600
    """With one application password."""
    pickup_directory_max_messages_per_minute: int = 100
    """From Pickup, and as many from Replay."""
    pickup_directory_max_header_bytes: int = 64 * KB
    pickup_directory_max_recipients_per_message: int = 100
    external_dsn_max_message_attach_bytes: int = 10 * MB
    """Of a larger original a report gives back the header only; Set-TransportConfig has it in Exchange."""
    max_reports_per_sender_per_hour: int | None = 500
    """To one return path; Exchange has no such limit."""

    def __post_init__(self) -> None:
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is None and name in UNLIMITED:
                continue
            if value is None or not lowest <= value <= highest:
                raise ValueError(f"{name}: {value} is not between {lowest} and {highest}.")
        if (self.max_per_domain_outbound_connections or 0) > self.connections:
            raise ValueError(
                f"MaxPerDomainOutboundConnections, {self.max_per_domain_outbound_connections}, is more than"
                f" MaxOutboundConnections, {self.connections}."
            )

    def priority(self, asked: Priority, *, size_bytes: int) -> Priority:
        """Give the priority that a new message gets when it asks for one (exchange.md 7.4)."""
        too_large = asked is Priority.HIGH and size_bytes > self.max_high_priority_message_bytes
        return asked if self.priority_queuing_enabled and not too_large else Priority.NORMAL

    @property
    def connections(self) -> int:
        """How many sessions the server has at once."""
        return self.max_outbound_connections or MOST

    @property
    def connections_per_queue(self) -> int:
        """How many of them to one next hop."""
        return min(self.max_per_domain_outbound_connections or MOST, self.connections)
