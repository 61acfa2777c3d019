"""What the sessions of a worker ask of its ledger, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime

from connectors.profiles import DeliveryProfile
from transport.concurrency import Limits
from transport.envelope import Reply
from transport.queue import claims
from transport.queue.claimed import Claim
from transport.queue.outcome import Outcome
from transport.throttles import Throttles


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """An opened session and what it needs to know to dial."""

    opened: claims.Opened
    profile: DeliveryProfile
    generation: int
    """The configuration that the profile belongs to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A session is wanted for this queue."""

    queue_id: int
    worker: claims.Worker
    limits: Limits
    throttles: Throttles = field(default_factory=Throttles)


@dataclass(frozen=True, kw_only=True, slots=True)
class Connected:
    """The session speaks to its host."""

    session_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class More:
    """An open session asks for mail."""

    session_id: int
    queue_id: int
    generation: int
    """Mail is given only to sessions that know the present configuration; the others end and are replaced."""
    most: int
    metered: int = 0
    """Id of the connector if its messages per day are limited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settle:
    """One message was tried."""

    outcome: Outcome
    more: More | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """The session ends; with a `failure`, no host of the next hop could be used."""

    session_id: int
    queue_id: int
    opened_at: datetime
    failure: Reply | None = None
    tries: tuple[Outcome, ...] = field(default=())
    """What to note on the messages that could not be tried."""
    connector_version: int = 0
    """Of the profile that the session had."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The session is closed, its lease had run out: what it holds belongs to others now."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """The configuration changed: what the session holds may go, further mail goes to its successor."""


Wish = Open | Connected | More | Settle | Close
Answer = Work | tuple[Claim, ...] | Outdated | TakenBack | None
