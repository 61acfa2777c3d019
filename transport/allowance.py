"""How many messages a send connector may still send today, from what it sent in which hour.

Exchange Online, Google Workspace and Amazon SES count over the last 24 hours, not by the calendar: who
had the worth of a calendar day at 23:59 and again at 00:01 would be stopped. So this counts by hours, and
an hour leaves the count as a whole when all of it is 24 hours past.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """The messages per day of one connector, for the whole organization."""

    limit: int
    by_hour: Mapping[datetime, int] = field(default_factory=dict)
    """Messages that hosts took, by the beginning of the hour."""
    in_hand: int = 0
    """Messages that sessions are sending now: each may yet count."""

    def left(self, *, now: datetime) -> int:
        """How many more messages may be taken in hand."""
        return max(0, self.limit - self._sent(now=now) - self.in_hand)

    def _sent(self, *, now: datetime) -> int:
        return sum(count for hour, count in self.by_hour.items() if hour >= oldest_hour(now=now))

    def goes_on_at(self, *, now: datetime) -> datetime | None:
        """When the oldest hour leaves the count; None when no hour has any."""
        counted = [hour for hour, count in self.by_hour.items() if count and hour >= oldest_hour(now=now)]
        return min(counted) + WINDOW + HOUR if counted else None


def hour_of(now: datetime) -> datetime:
    """Give the beginning of the hour."""
    return now.replace(minute=0, second=0, microsecond=0)


def oldest_hour(*, now: datetime) -> datetime:
    """Give the first hour of which a part may lie within the last 24 hours."""
    return hour_of(now) - WINDOW
