"""What the commands of a session come to: the reply, and what the client sends after it."""

from enum import Enum, auto
from typing import NamedTuple


class Then(Enum):
    """What the client sends after a reply."""

    COMMAND = auto()
    CONTENT = auto()
    CHUNK = auto()
    """Octets of a BDAT that was refused: data, never commands."""
    HANDSHAKE = auto()
    """TLS begins; nothing that came before counts any more (RFC 3207 section 4.2)."""
    NOTHING = auto()
    """The connection closes."""


class Answer(NamedTuple):
    """The reply to one command."""

    reply: bytes
    fault: bool = False
    """A protocol error, which counts; a refused address or message is none."""
    then: Then = Then.COMMAND
    chunk_bytes: int = 0
