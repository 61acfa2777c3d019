"""How much mail came in and went out: the last hour by the minute, the last day by the quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from admincenter.dashboard.charts import Chart, Reading, draw, points
from transport import history

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """Mail of one stretch of time, in messages, and its chart."""

    incoming: int
    outgoing: int
    chart: Chart


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """Both charts; the minute that is not over yet is in neither."""

    recorded: bool
    """Whether any minute of the day was."""
    hour: Flow
    day: Flow


def read(*, now: datetime) -> Mail:
    """Read what came and went until the beginning of this minute."""
    end = history.minute_of(now)
    readings = [
        Reading(one.at, one.incoming, one.outgoing) for one in history.minutes(start=end - DAY, end=end)
    ]
    return Mail(
        recorded=bool(readings),
        hour=_flow(readings, end=end, length=HOUR, width=MINUTE, label_every=10 * MINUTE),
        day=_flow(readings, end=end, length=DAY, width=QUARTER, label_every=4 * HOUR),
    )


def _flow(
    readings: Sequence[Reading], *, end: datetime, length: timedelta, width: timedelta, label_every: timedelta
) -> Flow:
    # Whole quarters: else every point of the day would change with every minute.
    begins = end - length - timedelta(seconds=end.timestamp() % width.total_seconds())
    ours = [one for one in readings if one.at >= end - length]
    series = list(points(ours, start=begins, end=end + width - MINUTE, width=width))
    return Flow(
        incoming=sum(one.incoming for one in ours),
        outgoing=sum(one.outgoing for one in ours),
        chart=draw(series, zone=timezone.get_current_timezone(), label_every=label_every),
    )
