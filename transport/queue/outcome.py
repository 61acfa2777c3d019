"""What became of a claim: the form in which a session hands it to the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from transport.envelope import Reply
from transport.queue.moves import Ended
from transport.queue.notices import Notice

Decided = tuple[tuple[int, str, Reply], ...]
"""(recipient id, address, the reply that decides) for some recipients of one message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """One message at one host, for the record."""

    reply: Reply
    outcome: str
    tls: str = ""
    """Version, cipher and certificate, or why there was no TLS."""
    tls_policy: str = ""
    """Whose policy decided about TLS."""
    in_doubt: bool = False
    takes_dsn: bool = False
    """The host offers DSN: it sees to reports of success itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one claim."""

    session_id: int
    queue_id: int
    queue_identity: str
    connector_name: str
    connector_version: int
    queued_id: int
    message_id: int
    server_id: int = 0
    smtp_session: str = ""
    """Number of the connection, as the protocol log has it."""
    metered: int = 0
    """Id of the connector if its messages per day are limited: then what a host takes is counted."""
    delivered: Decided = ()
    failed: Decided = ()
    relayed: Decided = ()
    """Of the delivered: whose host sends no reports of success although the sender wants one."""
    deferred: Decided = ()
    """These recipients wait on."""
    untried: tuple[str, ...] = ()
    """These too: no host could be asked about them."""
    retry_at: datetime | None = None
    """When the message itself is tried again; None lets its queue decide."""
    error: str = ""
    unfinished: bool = False
    """Further recipients of this message are still to be tried: the session keeps the claim."""
    tries: tuple[Try, ...] = field(default=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What the record leaves to be done."""

    reports: tuple[Ended, ...]
    notices: tuple[Notice, ...]
    removals: tuple[int, ...]
    """Queued ids whose removal was asked for while they were being sent."""
    taken: Mapping[int, int]
    """How many messages hosts took, or may have taken, by metered connector."""
