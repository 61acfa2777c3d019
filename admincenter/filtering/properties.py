"""What can be filtered: properties with their type, and filters checked against them, without Django."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Any

from admincenter.filtering.syntax import Condition, Every, Expression, FilterError, Negated, Operator, Some
from admincenter.filtering.syntax import Value as Written

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_SIZE = re.compile(
    r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?(B|KB|MB|GB|TB|)(?: \([0-9,]{1,20} bytes\))?", re.IGNORECASE
)
_UNITS = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_LARGEST_SIZE = 2**63 - 1
_TIMES = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p")
"""As Exchange's documentation writes them, besides ISO 8601."""
Typed = str | int | float | bool | datetime | None


class Kind(Enum):
    """The type of a property; it decides which operators and values fit."""

    TEXT = "text"
    CHOICE = "one of a few words"
    NUMBER = "a number"
    SIZE = "a size"
    TIME = "a time"
    FLAG = "true or false"


_EQUALITY = frozenset({Operator.EQ, Operator.NE})
_ORDERED = frozenset(Operator) - {Operator.LIKE}
OPERATORS: Mapping[Kind, frozenset[Operator]] = {
    Kind.TEXT: _EQUALITY | {Operator.LIKE},
    Kind.CHOICE: _EQUALITY,
    Kind.NUMBER: _ORDERED,
    Kind.SIZE: _ORDERED,
    Kind.TIME: _ORDERED,
    Kind.FLAG: _EQUALITY,
}
"""Which operators a type has (exchange.md 4.6): -like is for text, greater and less for what has an order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One property, by Exchange's name."""

    name: str
    kind: Kind
    column: str = ""
    """Where the database has it: a field, a path or an alias of the listing."""
    choices: tuple[str, ...] = ()
    """All values of a CHOICE."""
    order: tuple[str, ...] = ()
    """Columns to sort by, when it is not `column`."""
    condition: Callable[[Operator, Any], Any] | None = None
    """Makes the database's condition itself (a `Q`), for what is no column; raises ValueError with a rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One condition whose property is known and whose value has its type."""

    of: Property
    operator: Operator
    value: Typed
    position: int
    """Of the value in the text."""


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold."""

    parts: tuple["Checked", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Checked", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Checked"


Checked = Comparison | All | AnyOf | Not


def by_name(properties: Iterable[Property]) -> dict[str, Property]:
    """Index properties by their lower-case name."""
    return {one.name.lower(): one for one in properties}


def check(tree: Expression, properties: Mapping[str, Property], *, zone: tzinfo) -> Checked:
    """Give every condition its property and its value its type. Raises FilterError.

    `properties` comes from `by_name`; `zone` is meant where a time names none.
    """
    match tree:
        case Every(parts):
            return All(tuple(check(part, properties, zone=zone) for part in parts))
        case Some(parts):
            return AnyOf(tuple(check(part, properties, zone=zone) for part in parts))
        case Negated(part):
            return Not(check(part, properties, zone=zone))
        case Condition():
            return _comparison(tree, properties, zone=zone)


def find(name: str, properties: Mapping[str, Property], *, position: int) -> Property:
    """Find a property whatever the case of its name. Raises FilterError that names the nearest ones."""
    found = properties.get(name.lower())
    if found is None:
        names = [one.name for one in properties.values()]
        raise FilterError(f"there is no property {name}; {nearest(name, names)}", position=position)
    return found


def nearest(word: str, names: Sequence[str]) -> str:
    """Say which names were perhaps meant, else all of them."""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=3, cutoff=0.6)
    if close:
        return f"perhaps {' or '.join(by_lower[name] for name in close)} is meant"
    return f"there are {', '.join(names)}"


def _comparison(written: Condition, properties: Mapping[str, Property], *, zone: tzinfo) -> Comparison:
    one = find(written.name, properties, position=written.position)
    if written.operator not in OPERATORS[one.kind]:
        fitting = ", ".join(operator for operator in Operator if operator in OPERATORS[one.kind])
        rule = f"{written.operator} does not fit {one.name}, which is {one.kind.value}: {fitting} do"
        raise FilterError(rule, position=written.operator_position)
    return Comparison(
        of=one,
        operator=written.operator,
        value=_typed(written, one, zone=zone),
        position=written.value.position,
    )


def _typed(written: Condition, one: Property, *, zone: tzinfo) -> Typed:
    value = written.value
    if not value.quoted and value.text.lower() == "$null":
        _refuse_odd_null(written, one)
        return None
    try:
        return _READERS[one.kind](value, one, zone)
    except ValueError as error:
        raise FilterError(f"{one.name} is {one.kind.value}: {error}", position=value.position) from None


def _refuse_odd_null(written: Condition, one: Property) -> None:
    if written.operator not in _EQUALITY or one.kind not in {Kind.TIME, Kind.TEXT}:
        rule = "$null fits -eq and -ne of texts and times only"
        raise FilterError(rule, position=written.value.position)


def _text(value: Written, _one: Property, _zone: tzinfo) -> str:
    if not value.text.isprintable():
        raise ValueError("a text has printable characters only")
    return value.text


def _choice(value: Written, one: Property, _zone: tzinfo) -> str:
    """Words count without their spaces: Queue Viewer writes `Pending Suspend`, the shell `PendingSuspend`."""
    for choice in one.choices:
        if choice.replace(" ", "").lower() == value.text.replace(" ", "").lower():
            return choice
    raise ValueError(", ".join(one.choices))


def _number(value: Written, _one: Property, _zone: tzinfo) -> int | float:
    if not _NUMBER.fullmatch(value.text):
        raise ValueError("digits, with a point before fractions")
    return float(value.text) if "." in value.text else int(value.text)


def _size(value: Written, _one: Property, _zone: tzinfo) -> int:
    match = _SIZE.fullmatch(value.text)
    if match is None:
        raise ValueError("a number of bytes, or one with B, KB, MB, GB or TB")
    whole, part, unit = match.groups()
    thousandths = int(whole) * 1000 + int((part or "").ljust(3, "0"))
    return min(-(-thousandths * _UNITS[unit.upper()] // 1000), _LARGEST_SIZE)


def _time(value: Written, _one: Property, zone: tzinfo) -> datetime:
    return read_time(value.text, zone=zone)


def read_time(text: str, *, zone: tzinfo) -> datetime:
    """Read a time as people write it; `zone` is meant where none is named. Raises ValueError with a form."""
    moment = _read_time(text.strip())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("that time is out of range") from None


def _read_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller puts the zone on
        except ValueError:
            continue
    raise ValueError("2026-11-23 16:00 or 11/23/2026 4:00 PM")


def _flag(value: Written, _one: Property, _zone: tzinfo) -> bool:
    word = value.text.lower().removeprefix("$")
    if word not in {"true", "false"}:
        raise ValueError("$true or $false")
    return word == "true"


_READERS: Mapping[Kind, Callable[[Written, Property, tzinfo], Typed]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.SIZE: _size,
    Kind.TIME: _time,
    Kind.FLAG: _flag,
}
