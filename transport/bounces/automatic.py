"""Whether a program wrote a message: then nobody reads what would be answered (RFC 3834 section 2)."""

import re
from enum import Enum, auto

from transport.bounces.original import head_of

# Each pattern begins with a line feed: a literal that the regular expression engine searches for quickly.
_SUBMITTED = re.compile(rb"\nauto-submitted[ \t]*:[ \t\r\n]*([a-z-]+)", re.IGNORECASE)
_REPORT = re.compile(rb"\ncontent-type[ \t]*:[ \t\r\n]*multipart/report\b", re.IGNORECASE)
_TO_MANY = re.compile(rb"\n(?:precedence[ \t]*:[ \t\r\n]*(?:bulk|list|junk)\b|list-id[ \t]*:)", re.IGNORECASE)


class Origin(Enum):
    """Who seems to have written a message, by its own words."""

    PERSON = auto()
    PROGRAM = auto()
    """A newsletter, a list, a monitor: it wants to hear of failures, and reads no warnings."""
    ANSWER = auto()
    """A report, a receipt, an out-of-office note: what is answered to that may be answered again."""


def origin(original: bytes) -> Origin:
    """Read the header of a message, or its beginning; never raises."""
    head = b"\n" + head_of(original)
    submitted = _SUBMITTED.search(head)
    word = submitted[1].lower() if submitted else b"no"
    if word.startswith((b"auto-replied", b"auto-notified")) or _REPORT.search(head):
        return Origin.ANSWER
    return Origin.PROGRAM if word != b"no" or _TO_MANY.search(head) else Origin.PERSON
