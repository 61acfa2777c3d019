"""Queues in trouble, grouped by what ails them: the same error at many next hops is one cause."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from admincenter.dashboard.remedies import POISON, STATUS, SUSPENDED, UNROUTED, Remedy, remedy
from transport.cleaning import clean_text

ANY = "*"
"""Stands in a pattern for what differs from message to message."""
PATTERN_LIMIT = 200
"""As long as a filter of the queue viewer may be."""
TITLE_LIMIT = 140
HOSTS_SHOWN = 3

_READ = 2 * PATTERN_LIMIT
"""Characters of an error that are looked at: hosts write what they like, and masking takes time."""

_VARIABLE = re.compile(
    r"""
      (?P<ours>\b(?:SMTPSEND|QUEUE)\.[\w.]+)                      # our own words, which stay
    | \bhttps?://\S+                                              # addresses of pages that explain
    | <?[^\s<>@]+@[^\s<>@]+>?                                     # mail addresses
    | \[[^\]]*\]                                                  # what hosts put in brackets: addresses, ids
    | \b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b                        # IPv4
    | (?<![\w:])(?:[0-9a-f]{0,4}:){2,}[0-9a-f]{0,4}(?![\w:])      # IPv6, and times
    | \b(?:[a-z0-9_-]+\.)+[a-z]{2,63}\b\.?                       # host names
    | \b(?=\w*\d)[\w-]{6,}\b                                      # ids
    | \b\d+\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NEIGHBOURS = re.compile(r"\*(?:[\s,;:.()<>/'\"=-]*\*)+")


class Ailment(Enum):
    """Why a queue is listed."""

    ERROR = "error"
    SUSPENDED = "suspended"
    UNROUTED = "unrouted"
    POISON = "poison"


_TITLES = {
    Ailment.SUSPENDED: "Suspended",
    Ailment.UNROUTED: "No send connector",
    Ailment.POISON: "Poison messages",
}
_REMEDIES = {Ailment.SUSPENDED: SUSPENDED, Ailment.UNROUTED: UNROUTED, Ailment.POISON: POISON}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One queue in trouble."""

    ailment: Ailment
    error: str
    host: str
    """Who said it, `mx.example 192.0.2.1:25`; or the next hop. May be empty."""
    message_count: int
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Queues with the same trouble."""

    ailment: Ailment
    pattern: str
    """Their errors, `*` for what differs: for the filter of the queue viewer."""
    title: str
    hosts: tuple[str, ...]
    """The first few, those with the most messages first."""
    more_hosts: int
    queue_count: int
    message_count: int
    since: datetime | None
    """When the first of them began; None where that is not known."""
    remedy: Remedy

    @property
    def key(self) -> str:
        """Tell this cause from others, from one look to the next."""
        return hashlib.sha256(f"{self.ailment} {self.pattern.casefold()}".encode()).hexdigest()[:12]


def pattern(error: str) -> str:
    """Return an error without what differs from case to case; the code in front stays."""
    text = clean_text(error, limit=_READ)
    status = STATUS.match(text)
    head = status[0] if status else ""
    masked = _VARIABLE.sub(lambda found: found["ours"] or ANY, text[len(head) :])
    rest = _NEIGHBOURS.sub(ANY, masked)
    return f"{head}{rest}"[:PATTERN_LIMIT].rstrip()


def group(troubles: Iterable[Trouble]) -> list[Cause]:
    """Return the causes, those that hold up the most messages first."""
    groups: dict[tuple[Ailment, str], list[Trouble]] = {}
    for one in troubles:
        error = pattern(one.error) if one.ailment is Ailment.ERROR else ""
        groups.setdefault((one.ailment, error.casefold()), []).append(one)
    causes = [_cause(found) for found in groups.values()]
    return sorted(causes, key=lambda cause: (-cause.message_count, cause.title))


def _cause(troubles: Sequence[Trouble]) -> Cause:
    first = troubles[0]
    hosts = _hosts(troubles)
    return Cause(
        ailment=first.ailment,
        pattern=pattern(first.error) if first.ailment is Ailment.ERROR else "",
        title=_title(troubles),
        hosts=tuple(hosts[:HOSTS_SHOWN]),
        more_hosts=len(hosts[HOSTS_SHOWN:]),
        queue_count=len(troubles),
        message_count=sum(one.message_count for one in troubles),
        since=min((one.since for one in troubles if one.since), default=None),
        remedy=_remedy(first),
    )


def _title(troubles: Sequence[Trouble]) -> str:
    """The error in the words in which it was given, without its code."""
    first = troubles[0]
    if first.ailment is not Ailment.ERROR:
        return _TITLES[first.ailment]
    errors = {clean_text(one.error, limit=_READ) for one in troubles}
    text = errors.pop() if len(errors) == 1 else pattern(first.error).replace(ANY, "\N{HORIZONTAL ELLIPSIS}")
    status = STATUS.match(text)
    words = (text[status.end() :] if status else text).lstrip("\N{HORIZONTAL ELLIPSIS} :;,.-")
    return shortened(words or f"Reply {text}".strip())


def shortened(text: str) -> str:
    """Return a text that is no longer than a title, with an ellipsis where it was cut."""
    if len(text) <= TITLE_LIMIT:
        return text
    return f"{text[: TITLE_LIMIT - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def _hosts(troubles: Sequence[Trouble]) -> list[str]:
    """Names without addresses: a name has several, and an attempt takes any of them."""
    counts: Counter[str] = Counter()
    for one in troubles:
        if name := clean_text(one.host, limit=300).partition(" ")[0]:
            counts[name] += one.message_count
    return [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _remedy(trouble: Trouble) -> Remedy:
    return _REMEDIES.get(trouble.ailment) or remedy(trouble.error)
