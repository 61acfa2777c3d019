"""A moment in words: how long ago, or how long until."""

from datetime import datetime, timedelta

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def relative(moment: datetime, *, now: datetime) -> str:
    """Return "3 minutes ago", "in 47 hours" or "now": the largest unit that counts two, rounded down.

    One day would stand for almost two of them, which says too little about when mail expires.
    """
    distance = abs(now - moment)
    for unit, name in _UNITS:
        if distance >= 2 * unit or distance >= unit == _UNITS[-1][0]:
            words = _counted(distance // unit, name)
            return f"{words} ago" if moment < now else f"in {words}"
    return "now"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
