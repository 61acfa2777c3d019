"""What every list view needs from its address: the order, and what is picked."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

SELECTION_LIMIT = 1000
"""More rows than this are never picked one by one."""

_DIGITS = 18
"""What surely fits the databases' 64 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """By which column a list stands, and which way round."""

    column: str
    descending: bool = False

    def toggled(self, column: str) -> str:
        """Return the `sort` value that a click on this column's header asks for."""
        return f"-{column}" if column == self.column and not self.descending else column


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the details pane."""

    label: str
    values: tuple[str, ...]


def shortened(words: Sequence[str], *, shown: int = 3) -> str:
    """Name the first of a list and the number of the others."""
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(words[:shown]) + more


def read_order(request: HttpRequest, *, columns: Sequence[str], default: str) -> Order:
    """Return the order that `?sort=` asks for; anything unknown means the default."""
    for word in (request.GET.get("sort", ""), default):
        if word.removeprefix("-") in columns:
            return Order(column=word.removeprefix("-"), descending=word.startswith("-"))
    raise ValueError(f"{default!r} is no column of this list")


def read_selection(data: QueryDict) -> list[int]:
    """Return the ids in `selected`, in their order and each once; what is no id is dropped."""
    ids = [read_number(word) for word in data.getlist("selected")]
    return list(dict.fromkeys(filter(None, ids)))[:SELECTION_LIMIT]


def read_number(text: str) -> int:
    """Return a whole number that fits 64 bits, 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
