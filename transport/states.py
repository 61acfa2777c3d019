"""The states of a queued message and of a recipient, and the kinds of queues."""

from collections.abc import Mapping
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


class Action(StrEnum):
    """What a report tells about a recipient (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"
    """Handed to a host that sends no such reports."""


class ComponentState(StrEnum):
    """What a server does with new mail (Set-ServerComponentState)."""

    ACTIVE = "Active"
    DRAINING = "Draining"
    """It takes none, and hands over what waits."""


class ResubmitState(StrEnum):
    """How a resubmit request stands."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"


class DeliveryType(StrEnum):
    """DeliveryType of Get-Queue; only the kinds that exist outside Active Directory."""

    MX = "DnsConnectorDelivery"
    SMART_HOST = "SmartHostConnectorDelivery"
    SUBMISSION = "Undefined"
    UNREACHABLE = "Unreachable"
    POISON = "Poison"
    """Exchange calls this one Undefined too."""


WAITING = (QueuedState.READY, QueuedState.RETRY)
"""States from which a session may claim."""

DELIVERABLE = (DeliveryType.MX, DeliveryType.SMART_HOST)
"""Queues that a session can be opened for."""

ROUTED_AGAIN = (DeliveryType.SUBMISSION, DeliveryType.UNREACHABLE)
"""Queues whose mail waits for the categorizer: to retry it is to route it again."""

PERSISTENT: Mapping[str, str] = {
    DeliveryType.SUBMISSION: "Submission",
    DeliveryType.UNREACHABLE: "Unreachable",
    DeliveryType.POISON: "Poison",
}
"""Queues that every server has one of, with the name that stands in their identity (exchange.md 4.1, 4.2)."""
