"""Writes objects: as tables, as lists, or as one JSON array."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby, islice
from typing import Any

from django.utils import timezone
from rich.cells import cell_len, set_cell_size

from admincenter.shell.console import Console, safe
from admincenter.shell.errors import ShellError
from admincenter.shell.rows import Cell, Row, Size, pick_names
from admincenter.shell.views import Shape, View
from connectors.validators import format_size, format_time_span

MEASURED_ROWS = 300
"""So many rows decide how wide the columns are; the rest flows past without being kept."""
NARROWEST = 8
_HEADING = "bold"


def write(rows: Iterator[Row], view: View, console: Console) -> None:
    """Write objects as they come. Raises ShellError for a property that they do not have."""
    for (kind, _), group in groupby(rows, key=lambda row: (row.type, tuple(row.values))):
        if kind.text is not None and not view.properties:
            for row in group:
                _write_text(kind.text(row), console)
        elif view.shape is Shape.LIST:
            _write_list(group, view, console)
        else:
            _write_table(group, view, console)


def to_json(row: Row, view: View) -> str:
    """Give one object as a JSON object on one line; only ASCII, so that no terminal is led astray."""
    names = _names(row, view, default=tuple(row.values))
    return json.dumps({name: _plain(row.values[name]) for name in names})


def shown(cell: Cell) -> str:  # noqa: PLR0911 - one line per type
    """Give a value as the shell shows it: one printable line."""
    match cell:
        case None:
            return ""
        case Size():
            return format_size(cell)
        case float():
            return f"{round(cell, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
        case datetime():
            return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
        case timedelta():
            return format_time_span(cell)
        case tuple():
            return f"{{{', '.join(shown(item) for item in cell)}}}"
        case Mapping():
            return ";".join(shown(item) for item in cell.values())
        case _:
            return safe(str(cell))


def _plain(cell: Cell) -> Any:
    match cell:
        case Size():
            return int(cell)
        case datetime():
            return cell.isoformat()
        case timedelta():
            return format_time_span(cell)
        case tuple():
            return [_plain(item) for item in cell]
        case Mapping():
            return {name: _plain(item) for name, item in cell.items()}
        case _:
            return cell


def _names(row: Row, view: View, *, default: tuple[str, ...]) -> tuple[str, ...]:
    if not view.properties:
        return default
    try:
        return pick_names(view.properties, row)
    except ValueError as error:
        raise ShellError(str(error), position=view.position) from None


def _write_text(text: str, console: Console) -> None:
    for line in text.splitlines():
        console.line(safe(line))


def _write_list(rows: Iterator[Row], view: View, console: Console) -> None:
    for row in rows:
        names = _names(row, view, default=tuple(row.values))
        width = max(map(len, names))
        for name in names:
            console.line(f"{name:{width}} : {shown(row.values[name])}".rstrip())
        console.line("")


def _write_table(rows: Iterator[Row], view: View, console: Console) -> None:
    head = list(islice(rows, None if view.whole else MEASURED_ROWS))
    names = _names(head[0], view, default=head[0].type.table)
    cells = [[shown(row.values[name]) for name in names] for row in head]
    widths = [
        max([cell_len(name), *(cell_len(line[place]) for line in cells)]) for place, name in enumerate(names)
    ]
    limit = None if view.whole else console.width
    widths = _fitted(widths, limit=limit)
    right = [_is_number(head[0].values[name]) for name in names]
    console.line(_line(names, widths, right, cut=limit), style=_HEADING)
    console.line(_line(["-" * cell_len(name) for name in names], widths, right, cut=limit), style=_HEADING)
    later = ([shown(row.values[name]) for name in names] for row in rows)
    for line in chain(cells, later):
        console.line(_line(line, widths, right, cut=limit))
    console.line("")


def _fitted(widths: Sequence[int], *, limit: int | None) -> list[int]:
    """Make the widest columns narrower until the table fits the terminal."""
    fitted = list(widths)
    while limit is not None and sum(fitted) + len(fitted) - 1 > limit and max(fitted) > NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], *, cut: int | None) -> str:
    return " ".join(map(_padded, cells, widths, right, [cut is not None] * len(cells))).rstrip()


def _padded(cell: str, width: int, right: bool, cut: bool) -> str:  # noqa: FBT001 - mapped over columns
    length = cell_len(cell)
    if length > width:
        return set_cell_size(cell, width - 1) + "…" if cut else cell
    padding = " " * (width - length)
    return padding + cell if right else cell + padding
