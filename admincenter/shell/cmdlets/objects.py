"""Cmdlets for whatever flows past: Where-Object, Select-Object, Sort-Object and Measure-Object."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from admincenter.filtering.matching import holds
from admincenter.filtering.properties import Checked, Property, by_name, check
from admincenter.filtering.syntax import Condition, Expression, FilterError, Operator, Value, parse
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.errors import ShellError
from admincenter.shell.parameters import SWITCH, TEXT, TEXTS, WRITTEN, Parameter, integer
from admincenter.shell.rows import Cell, Column, Row, RowType, pick_names

_COUNT = integer(lowest=0, highest=1_000_000)
CONDITION = Parameter(
    name="FilterScript",
    kind=TEXT,
    position=0,
    required=True,
    help="{$_.Status -eq 'Retry' -and $_.MessageCount -gt 100}, or the name of a property before -EQ, -GT, …",
)
COMPARISONS = {
    operator: Parameter(
        name=operator.removeprefix("-").upper(),
        kind=WRITTEN,
        help=f"Keep objects whose property is {operator} this.",
    )
    for operator in Operator
}


class WhereObject(Cmdlet):
    """Filters."""

    name = "Where-Object"
    aliases = ("where", "?")
    synopsis = "Keeps the objects for which a condition holds."
    remarks = "-Filter of Get-Queue and Get-Message does the same in the database, which is faster."
    examples = ("Get-SendConnector | where {$_.Enabled -eq $false}", "Get-Queue | where MessageCount -gt 100")
    parameters = (CONDITION, *COMPARISONS.values())
    accepts_anything = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Let through what fits."""
        checked: dict[int, Checked] = {}
        for row in rows or ():
            known = checked.get(id(row.type))
            if known is None:
                known = checked[id(row.type)] = self._checked(row.type)
            if holds(known, row.get):
                yield row

    def _checked(self, kind: RowType) -> Checked:
        properties = by_name(
            Property(name=column.name, kind=column.kind, choices=column.choices) for column in kind.columns
        )
        try:
            return check(self._tree(), properties, zone=timezone.get_current_timezone())
        except FilterError as error:
            self.refuse(f"-FilterScript, its {error}", CONDITION)

    def _tree(self) -> Expression:
        text = self.bound.get(CONDITION) or ""
        used = [operator for operator, one in COMPARISONS.items() if self.bound.given(one)]
        if not used:
            return parse(text)
        self.refuse_together(*COMPARISONS.values())
        value = Value(text=self.bound.get(COMPARISONS[used[0]]) or "", quoted=False, position=1)
        return Condition(name=text, position=1, operator=used[0], operator_position=1, value=value)


FIRST = Parameter(name="First", kind=_COUNT, help="So many from the beginning.")
LAST = Parameter(name="Last", kind=_COUNT, help="So many from the end.")
SKIP = Parameter(name="Skip", kind=_COUNT, help="Leave out so many from the beginning.")
PROPERTY = Parameter(
    name="Property", kind=TEXTS, position=0, help="The properties to keep; * stands for any."
)


class SelectObject(Cmdlet):
    """Picks objects and properties."""

    name = "Select-Object"
    aliases = ("select",)
    synopsis = "Keeps some of the objects, or some of their properties."
    examples = ("Get-Message -SortOrder:-Size | select Identity,Size -First 10",)
    parameters = (PROPERTY, FIRST, LAST, SKIP)
    accepts_anything = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Pick objects, then their properties."""
        self.refuse_together(FIRST, LAST)
        kept: Iterator[Row] = islice(rows or iter(()), self.bound.get(SKIP), None)
        if self.bound.given(FIRST):
            kept = islice(kept, self.bound.get(FIRST))
        if self.bound.given(LAST):
            kept = iter(deque(kept, maxlen=self.bound.get(LAST)))
        names = self.bound.get(PROPERTY)
        for row in kept:
            yield _picked(self, row, names, PROPERTY) if names else row


DESCENDING = Parameter(name="Descending", kind=SWITCH, help="The largest first.")
SORTED_BY = Parameter(
    name="Property", kind=TEXTS, position=0, required=True, help="The properties to sort by."
)


class SortObject(Cmdlet):
    """Sorts."""

    name = "Sort-Object"
    aliases = ("sort",)
    synopsis = "Sorts objects by properties, whatever the case of texts."
    remarks = "-SortOrder of Get-Queue and Get-Message does the same in the database, which is faster."
    examples = ("Get-Queue | sort MessageCount -Descending",)
    parameters = (SORTED_BY, DESCENDING)
    accepts_anything = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Sort all."""
        names = self.bound.get(SORTED_BY) or ()
        yield from sorted(
            rows or (),
            key=lambda row: [*map(_key, _picked(self, row, names, SORTED_BY).values.values())],
            reverse=self.bound.get(DESCENDING) is True,
        )


def _picked(cmdlet: Cmdlet, row: Row, names: tuple[str, ...], parameter: Parameter[Any]) -> Row:
    try:
        return row.picked(pick_names(names, row))
    except ValueError as error:
        raise ShellError(str(error), position=cmdlet.bound.position(parameter)) from None


def _key(cell: Cell) -> tuple[int, float, str]:
    """Order what has no common order: nothing, numbers and times, texts."""
    match cell:
        case None:
            return 0, 0, ""
        case datetime():
            return 1, cell.timestamp(), ""
        case timedelta():
            return 1, cell.total_seconds(), ""
        case int() | float():
            return 1, cell, ""
        case _:
            return 2, 0, str(cell).lower()


MEASURED = Parameter(name="Property", kind=TEXT, position=0, help="A numeric property to add up.")
MEASUREMENT = RowType(
    name="measurement",
    table=("Count", "Property", "Sum", "Average", "Minimum", "Maximum"),
    columns=(
        Column(name="Count", read=lambda one: one[0]),
        Column(name="Property", read=lambda one: one[1]),
        Column(name="Sum", read=lambda one: sum(one[2]) if one[2] else None),
        Column(name="Average", read=lambda one: sum(one[2]) / len(one[2]) if one[2] else None),
        Column(name="Minimum", read=lambda one: min(one[2], default=None)),
        Column(name="Maximum", read=lambda one: max(one[2], default=None)),
    ),
)


class MeasureObject(Cmdlet):
    """Counts and adds up."""

    name = "Measure-Object"
    aliases = ("measure",)
    synopsis = "Counts objects and adds up a numeric property."
    examples = ("Get-Queue | measure MessageCount",)
    parameters = (MEASURED,)
    accepts_anything = True

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Give one measurement."""
        name, count, values = self.bound.get(MEASURED), 0, []
        for row in rows or ():
            count += 1
            if name:
                values.append(self._number(row, name))
        yield MEASUREMENT.row((count, name or "", values))

    def _number(self, row: Row, name: str) -> float:
        cell = next(iter(_picked(self, row, (name,), MEASURED).values.values()))
        if isinstance(cell, bool) or not isinstance(cell, int | float):
            self.refuse(f"{name} of a {row.type.name} is no number", MEASURED)
        return cell
