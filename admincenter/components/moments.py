"""A moment in words: how long ago, or how long until."""

from datetime import datetime, timedelta

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def relative(moment: datetime, *, now: datetime) -> str:
    """Return "3 minutes ago", "in 2 hours" or "now": the largest whole unit, rounded down."""
    distance = abs(now - moment)
    for unit, name in _UNITS:
        if distance >= unit:
            words = _counted(distance // unit, name)
            return f"{words} ago" if moment < now else f"in {words}"
    return "now"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
