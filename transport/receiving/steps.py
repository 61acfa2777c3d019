"""The phases of a session, and what its driver does next."""

from enum import Enum, auto
from typing import NamedTuple

from transport.envelope import Envelope
from transport.receiving.answers import Then


class Step(NamedTuple):
    """What the driver does next, in this order."""

    send: bytes = b""
    envelope: Envelope | None = None
    """To be accepted; until `Session.answer` is called the session takes no further command."""
    start_tls: bool = False
    """Let the handshake begin; `Session.secured` is called when it is done."""
    wait: bool = False
    """A refusal is held back: `Session.resume` is called after the tarpit interval."""
    close: bool = False


class Phase(Enum):
    """What the session takes the next bytes for."""

    COMMAND = auto()
    BAD_LINE = auto()
    """Answered already; what is left of the line is dropped."""
    CONTENT = auto()
    REFUSED_CONTENT = auto()
    """Answered at the final dot; until then everything is dropped."""
    CHUNK = auto()
    """The octets of a BDAT that was refused are dropped."""
    HANDSHAKE = auto()
    WAITING = auto()
    """A reply is held back; what the client sends meanwhile is kept."""
    ACCEPTING = auto()
    CLOSED = auto()


PHASE_AFTER = {
    Then.COMMAND: Phase.COMMAND,
    Then.CONTENT: Phase.CONTENT,
    Then.CHUNK: Phase.CHUNK,
    Then.HANDSHAKE: Phase.HANDSHAKE,
    Then.NOTHING: Phase.CLOSED,
}
