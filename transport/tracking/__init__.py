"""The message tracking log: what happened to every message, when, and by whom (exchange.md 9.3)."""

from transport.tracking.events import Line, listed, opening, source_of, statuses, write
from transport.tracking.latest import Fate, Place, fates, latest
from transport.tracking.log import Search, find
from transport.tracking.retention import Retention
from transport.tracking.stories import Tracked, message_number, tell
from transport.tracking.words import EventId, Source

__all__ = [
    "EventId",
    "Fate",
    "Line",
    "Place",
    "Retention",
    "Search",
    "Source",
    "Tracked",
    "fates",
    "find",
    "latest",
    "listed",
    "message_number",
    "opening",
    "source_of",
    "statuses",
    "tell",
    "write",
]
