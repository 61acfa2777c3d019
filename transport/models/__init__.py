"""The tables of the engine: what was accepted, where it waits, what was tried.

Only `transport.queue` and `transport.submission` write the rows of mail.
"""

from transport.models.allowances import SentInHour
from transport.models.attempts import Attempt
from transport.models.history import MailMinute
from transport.models.holds import LoginHold
from transport.models.listening import BoundAddress
from transport.models.messages import Content, HandedIn, Message, Recipient, SubmissionWindow
from transport.models.queued import QueuedMessage, QueuedMessageQuerySet
from transport.models.queues import Queue, QueueQuerySet, Session
from transport.models.safety_net import ResubmitRequest
from transport.models.servers import ResourcePressure, TransportServer
from transport.models.suspensions import SuspendedKind, Suspension
from transport.models.tracking import TrackingEvent

__all__ = [
    "Attempt",
    "BoundAddress",
    "Content",
    "HandedIn",
    "LoginHold",
    "MailMinute",
    "Message",
    "Queue",
    "QueueQuerySet",
    "QueuedMessage",
    "QueuedMessageQuerySet",
    "Recipient",
    "ResourcePressure",
    "ResubmitRequest",
    "SentInHour",
    "Session",
    "SubmissionWindow",
    "SuspendedKind",
    "Suspension",
    "TrackingEvent",
    "TransportServer",
]
