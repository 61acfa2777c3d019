"""The states of a queued message and of a recipient, and the moves that are allowed."""

from enum import IntEnum, StrEnum


class QueuedState(IntEnum):
    """Where one queued message stands; the order is the order of a claim (new mail before retries)."""

    READY = 0
    RETRY = 1
    ACTIVE = 2
    """Claimed by a session."""
    SUSPENDED = 3


class Pending(StrEnum):
    """What an administrator asked for while the message was being sent (exchange.md 5.1)."""

    NOTHING = ""
    SUSPEND = "suspend"
    REMOVE_WITH_NDR = "remove_ndr"
    REMOVE = "remove"


class RecipientState(IntEnum):
    """What became of one recipient."""

    WAITING = 0
    DELIVERED = 1
    FAILED = 2
    REMOVED = 3
    """Taken out by an administrator without a report."""


class DeliveryType(StrEnum):
    """DeliveryType of Get-Queue; only the kinds that exist outside Active Directory."""

    MX = "DnsConnectorDelivery"
    SMART_HOST = "SmartHostConnectorDelivery"
    SUBMISSION = "Undefined"
    UNREACHABLE = "Unreachable"


WAITING = (QueuedState.READY, QueuedState.RETRY)
"""States from which a session may claim."""

MOVES: dict[QueuedState, frozenset[QueuedState]] = {
    QueuedState.READY: frozenset({QueuedState.ACTIVE, QueuedState.SUSPENDED}),
    QueuedState.RETRY: frozenset({QueuedState.ACTIVE, QueuedState.SUSPENDED, QueuedState.READY}),
    QueuedState.ACTIVE: frozenset({QueuedState.READY, QueuedState.RETRY, QueuedState.SUSPENDED}),
    QueuedState.SUSPENDED: frozenset({QueuedState.READY}),
}
"""Every other move is a defect; leaving the table (delivered, failed, removed) is a deletion."""
