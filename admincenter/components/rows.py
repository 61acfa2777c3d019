"""Lists that grow and shrink while a form is typed; the server moves the rows, so no JavaScript is needed."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from admincenter.components.forms import ENTRY_LIMIT
from admincenter.components.lists import read_number


@dataclass(frozen=True, slots=True)
class RowList:
    """A list of rows: the names of its parallel inputs, each with what a new row holds."""

    name: str
    inputs: Mapping[str, str]


def turn(data: MultiValueDict[str, str], order: str, *, lists: tuple[RowList, ...]) -> str:
    """Obey `add-<list>` or `remove-<list>-<number>`; return the row where the typing goes on, "" for none."""
    verb, _, rest = order.partition("-")
    name, _, number = rest.partition("-")
    rows = next((rows for rows in lists if rows.name == name), None)
    if rows is None or verb not in {"add", "remove"}:
        return ""
    if verb == "add":
        return _add(data, rows)
    return _remove(data, rows, number=read_number(number))


def _add(data: MultiValueDict[str, str], rows: RowList) -> str:
    count = max(1, _count(data, rows))
    for name, new in rows.inputs.items():
        texts = _filled(data, name, new, count)
        data.setlist(name, [*texts, new][:ENTRY_LIMIT])
    return f"{rows.name}-{min(count + 1, ENTRY_LIMIT)}"


def _remove(data: MultiValueDict[str, str], rows: RowList, *, number: int) -> str:
    count = _count(data, rows)
    for name, new in rows.inputs.items():
        texts = _filled(data, name, new, count)
        data.setlist(name, [text for place, text in enumerate(texts, start=1) if place != number])
    return f"{rows.name}-{max(1, min(number, count - 1))}"


def _count(data: MultiValueDict[str, str], rows: RowList) -> int:
    return max(len(data.getlist(name)) for name in rows.inputs)


def _filled(data: MultiValueDict[str, str], name: str, new: str, count: int) -> list[str]:
    texts = data.getlist(name)[:count]
    return texts + [new] * (count - len(texts))


def changeable(data: QueryDict) -> MultiValueDict[str, str]:
    """Return a copy that rows can be added to, without the password: it is never shown again."""
    return MultiValueDict({name: data.getlist(name) for name in data if name != "password"})
