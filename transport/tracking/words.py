"""Exchange's words for what happens to a message and for who did it (exchange.md 9.3)."""

from enum import StrEnum


class EventId(StrEnum):
    """What happened."""

    RECEIVE = "RECEIVE"
    """The message came in."""
    TRANSFER = "TRANSFER"
    """Its recipients go different ways: one event for each way."""
    SEND = "SEND"
    """The next hop took it."""
    DEFER = "DEFER"
    """It has to wait."""
    FAIL = "FAIL"
    """It will not be delivered, and the sender is told so unless the sender asked for silence."""
    DROP = "DROP"
    """It will not be delivered, and nobody is told."""
    DSN = "DSN"
    """A report was made; `reference` is the Message-ID of the message that it is about."""
    SUPPRESSED = "SUPPRESSED"
    """A report was due and none was made; `context` says why."""
    RESUBMIT = "RESUBMIT"
    """It is routed and delivered once more."""
    REDIRECT = "REDIRECT"
    """It was moved to another server."""
    POISONMESSAGE = "POISONMESSAGE"
    """Its handling broke a worker too often; it waits for a person."""


class Source(StrEnum):
    """Who did it."""

    SMTP = "SMTP"
    DNS = "DNS"
    ROUTING = "ROUTING"
    QUEUE = "QUEUE"
    ADMIN = "ADMIN"
    DSN = "DSN"
    PICKUP = "PICKUP"
    GATEWAY = "GATEWAY"
    """It came in another way: the HTTP submission, the compose form."""
    SAFETYNET = "SAFETYNET"
    POISONMESSAGE = "POISONMESSAGE"
