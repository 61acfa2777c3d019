"""What flows through a pipeline: typed objects with named properties, in Exchange's names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from admincenter.filtering.properties import Kind, nearest
from admincenter.filtering.wildcards import matches


class Size(int):
    """A number of bytes, shown as `35 MB (36,700,160 bytes)`."""


Cell = str | int | float | bool | datetime | timedelta | Size | tuple[Any, ...] | Mapping[str, Any] | None


def limit(value: Cell) -> Cell:
    """Give a limit, and for None Exchange's word for none."""
    return "Unlimited" if value is None else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One property of a type of object."""

    name: str
    read: Callable[[Any], Cell]
    """Gives the value of one object."""
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RowType:
    """A type of object."""

    name: str
    """In the singular, as a sentence has it: `queue`."""
    columns: tuple[Column, ...]
    table: tuple[str, ...]
    """The columns of the default table."""
    text: Callable[["Row"], str] | None = None
    """Shows an object that is a text rather than a record."""

    def row(self, source: Any) -> "Row":
        """Read one object."""
        return Row(
            type=self, values={column.name: column.read(source) for column in self.columns}, source=source
        )

    @property
    def plural(self) -> str:
        """`queues`."""
        return f"{self.name}s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One object."""

    type: RowType
    values: Mapping[str, Cell]
    source: Any = field(repr=False)
    """What it was read from."""

    def get(self, name: str) -> Cell:
        """Give a property by its exact name; None when there is none."""
        return self.values.get(name)

    @property
    def identity(self) -> str:
        """What an Identity parameter takes from it."""
        return str(self.values.get("Identity") or self.values.get("Name") or "")

    def picked(self, names: tuple[str, ...]) -> "Row":
        """Give the object with some of its properties only, in that order."""
        values = {name: self.values[name] for name in names}
        return replace(self, values=values, type=replace(self.type, table=names, text=None))


def pick_names(patterns: tuple[str, ...], row: Row) -> tuple[str, ...]:
    """Find the properties that are meant, whatever their case; `*` stands for any characters.

    Raises ValueError with the rule.
    """
    names = list(row.values)
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = [name for name in names if matches(name, pattern)]
        if not fitting:
            raise ValueError(f"a {row.type.name} has no property {pattern}; {nearest(pattern, names)}")
        found.update(dict.fromkeys(fitting))
    return tuple(found)
