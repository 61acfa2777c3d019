"""A chart of mail in and out over time, as numbers that a template draws: no markup, no colour, no clock.

Texts and lines of the grid are placed in percent of the plot, so that they keep their size on any screen; the
two series are paths in a square of `SIDE` by `SIDE` units that is stretched over it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

SIDE = 1000
DASH = 5
"""Units to both sides of a value that stands alone."""
MOST_STEPS = 5
"""Lines of the grid above the axis, at most."""
_ROUND = (1, 2, 5)
_EDGE = 3
"""Percent: a label nearer to an end of the axis leans inwards."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came and went in one minute, in messages."""

    at: datetime
    incoming: int
    outgoing: int


@dataclass(frozen=True, slots=True)
class Point:
    """One place of both series, in messages per minute; None where nothing was recorded."""

    at: datetime
    incoming: float | None
    outgoing: float | None


@dataclass(frozen=True, slots=True)
class Tick:
    """One label of an axis and its line of the grid."""

    place: float
    """Percent from the left, or from the top."""
    label: str
    anchor: str = "middle"
    """Of the text: start, middle, end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What the template draws, and the same as a table and in a sentence."""

    rows: tuple[Tick, ...]
    """Of the vertical axis."""
    columns: tuple[Tick, ...]
    """Of the time axis."""
    incoming: str
    """The `d` of a path."""
    outgoing: str
    numbers: tuple[tuple[str, str, str], ...]
    """Time, in and out of each point, in words."""
    summary: str


def points(
    readings: Sequence[Reading], *, start: datetime, end: datetime, width: timedelta
) -> Iterator[Point]:
    """Yield a point for each `width` of time from `start` to before `end`: the mean of its known minutes."""
    by_place: dict[int, list[Reading]] = {}
    for reading in readings:
        by_place.setdefault((reading.at - start) // width, []).append(reading)
    for place in range((end - start) // width):
        known = by_place.get(place, ())
        yield Point(
            start + place * width,
            _mean([one.incoming for one in known]),
            _mean([one.outgoing for one in known]),
        )


def _mean(counts: Sequence[int]) -> float | None:
    return sum(counts) / len(counts) if counts else None


def draw(series: Sequence[Point], *, zone: tzinfo, label_every: timedelta) -> Chart:
    """Make the chart; a label stands where the clock of `zone` shows a multiple of `label_every`."""
    incoming, outgoing = [one.incoming for one in series], [one.outgoing for one in series]
    highest = max((value for value in (*incoming, *outgoing) if value is not None), default=0)
    step = round_step(highest)
    top = step * max(1, -(-highest // step))
    return Chart(
        rows=tuple(_rows(step=step, top=top)),
        columns=tuple(_columns(series, zone=zone, every=label_every)),
        incoming=path(incoming, top=top),
        outgoing=path(outgoing, top=top),
        numbers=tuple(
            (f"{one.at.astimezone(zone):%H:%M}", said(one.incoming), said(one.outgoing)) for one in series
        ),
        summary=f"In: {_span(incoming)}. Out: {_span(outgoing)}.",
    )


def round_step(highest: float) -> int:
    """Return the distance of the grid's lines: 1, 2 or 5 times a power of ten, and few enough lines."""
    power = 1
    while True:
        for digit in _ROUND:
            if digit * power * MOST_STEPS >= highest:
                return digit * power
        power *= 10


def _rows(*, step: int, top: float) -> Iterator[Tick]:
    for number in range(round(top / step) + 1):
        yield Tick(round(100 - 100 * number * step / top, 2), f"{number * step:,}", "end")


def _columns(series: Sequence[Point], *, zone: tzinfo, every: timedelta) -> Iterator[Tick]:
    for place, one in enumerate(series):
        local = one.at.astimezone(zone)
        if timedelta(hours=local.hour, minutes=local.minute) % every == timedelta(0):
            left = round(_left(place, len(series)) * 100 / SIDE, 2)
            yield Tick(left, f"{local:%H:%M}", _anchor(left))


def _anchor(left: float) -> str:
    if left < _EDGE:
        return "start"
    return "end" if left > 100 - _EDGE else "middle"


def path(values: Sequence[float | None], *, top: float) -> str:
    """Give the path of a series; it is broken where a value is missing, and a lone one is a dash."""
    parts: list[str] = []
    drawing = False
    for place, value in enumerate(values):
        if value is None:
            drawing = False
            continue
        across, down = round(_left(place, len(values))), round(SIDE - SIDE * value / top)
        alone = not drawing and (place + 1 == len(values) or values[place + 1] is None)
        parts.append(
            f"M{across - DASH} {down}h{2 * DASH}" if alone else f"{'L' if drawing else 'M'}{across} {down}"
        )
        drawing = True
    return "".join(parts)


def _left(place: int, count: int) -> float:
    return SIDE * place / max(count - 1, 1)


def said(value: float | None) -> str:
    """Say one value of the table: no more decimals than tell something."""
    if value is None:
        return "not recorded"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "not recorded"
    return f"{said(min(known))} to {said(max(known))} messages per minute"
