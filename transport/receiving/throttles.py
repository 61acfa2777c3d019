"""Who does too much: messages a minute, and failed logons of one source."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

MINUTE = timedelta(minutes=1)
MOST_KEYS = 100_000
"""Counters kept at once; when there are more, the oldest windows go first."""
FAILURES_BEFORE_LOCK = 20
LOCKED_FOR = timedelta(minutes=10)


class Counts:
    """Counts by key in windows of one length, each begun by its first event; bounded in memory."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._counts: dict[str, tuple[datetime, int]] = {}

    def add(self, key: str, *, now: datetime) -> int:
        """Count one event; gives how many there are in the running window."""
        count = self.get(key, now=now) + 1
        began = now if count == 1 else self._counts.pop(key)[0]
        if count == 1:
            self._counts.pop(key, None)
            self._make_room(now=now)
        self._counts[key] = (began, count)
        return count

    def get(self, key: str, *, now: datetime) -> int:
        """Give how many events the running window holds."""
        began, count = self._counts.get(key, (now, 0))
        return count if now - began < self._window else 0

    def _make_room(self, *, now: datetime) -> None:
        if len(self._counts) < MOST_KEYS:
            return
        kept = {key: one for key, one in self._counts.items() if now - one[0] < self._window}
        # Still full: a flood of sources. The least lately counted half makes room.
        self._counts = dict(list(kept.items())[-MOST_KEYS // 2 :])


class MessageRate:
    """MessageRateLimit of one connector."""

    def __init__(self) -> None:
        self._counts = Counts(MINUTE)

    def allows(self, key: str, *, most: int, now: datetime) -> bool:
        """Count a message of this source or login; tells whether it is within the limit."""
        if self._counts.get(key, now=now) >= most:
            return False
        self._counts.add(key, now=now)
        return True


class LogonGuard:
    """Locks a source out of logging on after many failures; shared by all connectors of a server."""

    def __init__(self) -> None:
        self._failures = Counts(LOCKED_FOR)

    def is_locked(self, address: str, *, now: datetime) -> bool:
        """Tell whether this source has failed too often lately."""
        return self._failures.get(_source(address), now=now) >= FAILURES_BEFORE_LOCK

    def failed(self, address: str, *, now: datetime) -> None:
        """Count a failure."""
        self._failures.add(_source(address), now=now)


def _source(address: str) -> str:
    """Give the address, or the /64 of an IPv6 one: one subscriber has that many."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
