"""The message tracking log: what happened to every message, when, and by whom (exchange.md 9.3)."""

from transport.tracking.events import Line, listed, opening, source_of, statuses, write
from transport.tracking.words import EventId, Source

__all__ = ["EventId", "Line", "Source", "listed", "opening", "source_of", "statuses", "write"]
