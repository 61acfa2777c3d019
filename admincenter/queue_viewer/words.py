"""What the queue viewer calls things: Exchange's names and plain words (exchange.md 4, 5)."""

from datetime import datetime

from connectors.domains import readable
from transport.cleaning import clean_text
from transport.models import Queue, Suspension
from transport.states import DeliveryType, RecipientState

NULL_SENDER = "<>"
QUEUE_STATUS = ("Active", "Connecting", "Ready", "Retry", "Suspended")
MESSAGE_STATUS = ("Active", "Ready", "Retry", "Suspended", "Pending Suspend", "Pending Remove")
MARKS = {
    "Active": "is-active",
    "Connecting": "is-busy",
    "Retry": "is-warn",
    "Suspended": "is-held",
    "Pending Suspend": "is-held",
    "Pending Remove": "is-bad",
    "Delivered": "is-good",
    "Failed": "is-bad",
    "delivered": "is-good",
    "deferred": "is-warn",
    "failed": "is-bad",
    "mixed": "is-warn",
}
"""The look of a badge by its word; a word that is not here looks idle."""
DELIVERY: dict[str, str] = {
    DeliveryType.MX: "MX record",
    DeliveryType.SMART_HOST: "Smart host",
    DeliveryType.SUBMISSION: "Categorizer",
    DeliveryType.UNREACHABLE: "No route",
    DeliveryType.POISON: "Poison message",
}
RECIPIENT: dict[int, str] = {
    RecipientState.WAITING: "Waiting",
    RecipientState.DELIVERED: "Delivered",
    RecipientState.FAILED: "Failed",
    RecipientState.REMOVED: "Removed",
}
_BYTES_PER_STEP = 1024
_TEXT_LIMIT = 1024


def counted(count: int, noun: str) -> str:
    """Return "1 queue" or "2,000 queues"."""
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def shown(text: object) -> str:
    """Return foreign text as one harmless line: rows that were stored by an older release too."""
    return clean_text(str(text or ""), limit=_TEXT_LIMIT)


def domains_in_words(next_hop: str) -> str:
    """Return a next hop domain, or a list of smart hosts, with readable labels instead of A-labels."""
    return ", ".join(readable(name.strip()) for name in shown(next_hop).split(","))


def a_labels_in_words(next_hop: str) -> str:
    """Return the A-label form that stands behind a readable next hop; empty where both are the same."""
    stored = ", ".join(name.strip() for name in shown(next_hop).split(","))
    return "" if stored == domains_in_words(next_hop) else stored


def address_in_words(address: str) -> str:
    """Return an address with the domain readable; the null sender is `<>`."""
    local, at, domain = shown(address).rpartition("@")
    return f"{local}{at}{readable(domain)}" if address else NULL_SENDER


def size_in_words(size_bytes: int) -> str:
    """Return kilobytes rounded up, as Queue Viewer does, or megabytes with one decimal."""
    kilobytes = -(-max(size_bytes, 0) // _BYTES_PER_STEP)
    if kilobytes < _BYTES_PER_STEP:
        return f"{kilobytes} KB"
    return f"{kilobytes / _BYTES_PER_STEP:,.1f} MB"


def velocity_in_words(queue: Queue) -> tuple[str, str]:
    """Return the velocity with its sign, and what it means; 0 is balanced or idle (exchange.md 4.5)."""
    incoming, outgoing = queue.incoming_rate, queue.outgoing_rate
    velocity = queue.velocity
    if not incoming and not outgoing:
        return "0", "idle"
    if abs(velocity) < 0.005:  # noqa: PLR2004 - what two decimals round away
        return "0", "balanced"
    word = "draining" if velocity > 0 else "growing"
    return f"{velocity:+.2f}".replace("-", "\N{MINUS SIGN}"), word


def rates_in_words(queue: Queue) -> str:
    """Return both rates, for hovering."""
    return f"{queue.incoming_rate:.2f} in and {queue.outgoing_rate:.2f} out per second over the last minute"


def suspension_in_words(suspension: Suspension | None) -> str:
    """Return who suspended it and why; empty where nobody wrote that down."""
    if suspension is None:
        return ""
    reason = f": {shown(suspension.reason)}" if suspension.reason else ""
    return f"Suspended by {shown(suspension.by)}{reason}"


def explain(queue: Queue, *, status: str, now: datetime) -> str:
    """Return one sentence that says what the state of a queue means for its mail."""
    if queue.removal:
        return "The messages that waited here are being removed. New ones stay."
    if status == "Suspended":
        return "An administrator stopped this queue: mail may come in, nothing leaves until it is resumed."
    if queue.delivery_type == DeliveryType.UNREACHABLE:
        return "No send connector carries these recipients. The messages go on by themselves when one does."
    if queue.delivery_type == DeliveryType.POISON:
        return "The handling of these messages broke a worker. Each waits until it is resumed or removed."
    if queue.delivery_type == DeliveryType.SUBMISSION:
        return "Messages pass here on their way to the queue of their next hop."
    return _explain_status(queue, status=status, now=now)


def _explain_status(queue: Queue, *, status: str, now: datetime) -> str:
    if status == "Retry":
        due = queue.next_retry_at is None or queue.next_retry_at <= now
        then = "The next one is due now." if due else "It waits for the next one."
        return f"The last connection attempt failed. {then}"
    if status == "Active":
        return "Messages are being sent now."
    if status == "Connecting":
        return "A connection to the next hop is being opened."
    if queue.message_count and getattr(queue, "next_try_at", None):
        return "The next hop put messages off; each of them waits for a time of its own."
    return "Nothing stands in the way of these messages." if queue.message_count else "Nothing waits here."
