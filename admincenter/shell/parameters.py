"""Parameters of cmdlets as they are declared, and how each kind reads what was typed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.utils import timezone

from admincenter.filtering.properties import nearest, read_time
from admincenter.shell.rows import Row
from admincenter.shell.tree import Block, Constant, Edit, Items, Text
from connectors import validators
from connectors.errors import InvalidValue, shown

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)
Stored = TypeVar("Stored")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_WORDS_FOR_TRUTH = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Objects:
    """What a pipeline in parentheses gave."""

    rows: tuple[Row, ...]


Given = Text | Constant | Items | Edit | Block | Objects


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A type of parameter."""

    word: str
    """For the help: what to write."""
    read: Callable[[Given], T]
    """Raises ValueError with a rule."""
    is_switch: bool = False
    choices: tuple[str, ...] = ()
    """For the completion."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parameter(Generic[T]):
    """One parameter of a cmdlet."""

    name: str
    kind: Kind[T]
    help: str
    position: int | None = None
    """Place among the arguments without a name, from 0."""
    required: bool = False
    secret: bool = False
    """Its value is never shown and its line never kept."""
    aliases: tuple[str, ...] = ()
    from_pipeline: bool = False
    """Objects of a pipeline can stand in its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListChange:
    """What becomes of a multi-valued property: replaced, or changed in part."""

    replaced: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, current: Iterable[Stored], *, read: Callable[[str], Stored]) -> tuple[Stored, ...]:
        """Give the new list; `read` makes a value of what was typed. Raises ValueError with a rule."""
        if self.replaced is not None:
            return tuple(read(text) for text in self.replaced)
        values = list(current)
        for text in self.remove:
            value = read(text)
            if value not in values:
                raise ValueError(f"{text} is not in the list")
            values.remove(value)
        values += [value for value in map(read, self.add) if value not in values]
        return tuple(values)


def read_text(given: Given) -> str:
    """Read one text; `$null` is the empty one."""
    match given:
        case Text(text=text) | Block(text=text):
            if "\0" in text:
                raise ValueError("a text has no NUL character")
            return text
        case Constant(value=None):
            return ""
        case Objects(rows=(row,)):
            return row.identity
        case _:
            raise ValueError("one text is expected")


def _written(given: Given) -> str:
    """Read one value as the filter language writes it."""
    if isinstance(given, Constant):
        return "$null" if given.value is None else f"${str(given.value).lower()}"
    return read_text(given)


def _texts(given: Given) -> tuple[str, ...]:
    match given:
        case Constant(value=None):
            return ()
        case Items(items=items):
            return tuple(read_text(item) for item in items)
        case Objects(rows=rows):
            return tuple(row.identity for row in rows)
        case _:
            return (read_text(given),)


def _change(given: Given) -> ListChange:
    if isinstance(given, Edit):
        return ListChange(add=tuple(map(read_text, given.add)), remove=tuple(map(read_text, given.remove)))
    return ListChange(replaced=_texts(given))


def _flag(given: Given) -> bool:
    """Read `$true` or `$false`; also `true` and `false`, which a Unix shell leaves alone."""
    match given:
        case Constant(value=bool() as value):
            return value
        case Text(text=text) if text.lower() in _WORDS_FOR_TRUTH:
            return _WORDS_FOR_TRUTH[text.lower()]
        case _:
            raise ValueError("$true or $false is expected")


def _joined(given: Given) -> str:
    return ",".join(_texts(given))


def _size(given: Given) -> int | None:
    return _checked(validators.parse_size, read_text(given))


def _time_span(given: Given) -> timedelta:
    return _checked(validators.parse_time_span, read_text(given))


def _checked(read: Callable[[str], T], text: str) -> T:
    """Turn the whole sentence of a form into the rule alone: the parameter is named around it."""
    try:
        return read(text)
    except InvalidValue as error:
        raise ValueError(error.problem.rule) from None


def integer(*, lowest: int, highest: int) -> Kind[int]:
    """A whole number."""

    def read(given: Given) -> int:
        text = read_text(given)
        if not _INTEGER.fullmatch(text) or not lowest <= int(text) <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest} is expected")
        return int(text)

    return Kind("Int32", read)


def time_span(*, lowest: timedelta, highest: timedelta) -> Kind[timedelta]:
    """A time span within bounds."""
    least, most = validators.format_time_span(lowest), validators.format_time_span(highest)

    def read(given: Given) -> timedelta:
        value = _checked(lambda text: validators.any_time_span(text, field=""), read_text(given))
        if not lowest <= value <= highest:
            raise ValueError(f"a time span from {least} to {most} is expected")
        return value

    return Kind("d.hh:mm:ss", read)


def size_in_bytes(*, lowest: int, highest: int) -> Kind[int]:
    """A size within bounds."""
    least, most = validators.format_size(lowest), validators.format_size(highest)

    def read(given: Given) -> int:
        value = _checked(lambda text: validators.any_size(text, field=""), read_text(given))
        if value is None or not lowest <= value <= highest:
            raise ValueError(f"a size from {least} to {most} is expected")
        return value

    return Kind("Size (250KB)", read)


def or_unlimited(kind: Kind[T]) -> Kind[T | None]:
    """The same, or the word `unlimited`, which is None."""

    def read(given: Given) -> T | None:
        return None if read_text(given).lower() == "unlimited" else kind.read(given)

    return Kind(f"{kind.word} or unlimited", read, choices=("unlimited",))


def one_of(words: type[Word]) -> Kind[Word]:
    """One of a few words."""
    by_lower = {word.value.lower(): word for word in words}
    names = tuple(word.value for word in words)

    def read(given: Given) -> Word:
        text = read_text(given)
        if text.lower() not in by_lower:
            raise ValueError(f"one of {', '.join(names)} is expected")
        return by_lower[text.lower()]

    return Kind(" | ".join(names), read, choices=names)


def or_nothing(kind: Kind[T]) -> Kind[T | None]:
    """The same, or `$null`."""

    def read(given: Given) -> T | None:
        return None if isinstance(given, Constant) and given.value is None else kind.read(given)

    return Kind(f"{kind.word} | $null", read, choices=kind.choices)


def some_of(names: tuple[str, ...]) -> Kind[tuple[str, ...]]:
    """Several of a few words."""
    by_lower = {name.lower(): name for name in names}

    def read(given: Given) -> tuple[str, ...]:
        words = _texts(given)
        for word in words:
            if word.lower() not in by_lower:
                raise ValueError(f"there is no {shown(word)}; {nearest(word, names)}")
        return tuple(by_lower[word.lower()] for word in words)

    return Kind("String[]", read, choices=names)


def _time(given: Given) -> datetime:
    try:
        return read_time(read_text(given), zone=timezone.get_current_timezone())
    except ValueError as error:
        raise ValueError(f"a time is expected, as in {error}") from None


def _result_size(given: Given) -> int | None:
    """Read how many objects are wanted; None is all of them."""
    text = read_text(given)
    if text.lower() == "unlimited":
        return None
    if not _INTEGER.fullmatch(text) or int(text) < 1:
        raise ValueError("a whole number from 1, or unlimited, is expected")
    return int(text)


def _objects(given: Given) -> Any:
    match given:
        case Objects(rows=(row,)):
            return row.source
        case _:
            raise ValueError("one object in parentheses is expected, as in (Get-Credential)")


TEXT = Kind("String", read_text)
WRITTEN = Kind("value", _written)
TEXTS = Kind("String[]", _texts)
CHANGE = Kind('String[] or @{Add="…"; Remove="…"}', _change)
FLAG = Kind("$true | $false", _flag, choices=("$true", "$false"))
SWITCH = Kind("", _flag, is_switch=True)
SIZE = Kind("Size (25MB) or unlimited", _size, choices=("unlimited",))
TIME = Kind("2026-11-23 16:00", _time)
TIME_SPAN = Kind("hh:mm:ss", _time_span)
RESULT_SIZE = Kind("Int32 or unlimited", _result_size, choices=("unlimited",))
ORDER = Kind("+Property,-Property", _joined)
FILTER = Kind("\"Property -eq 'value' -and …\"", read_text)
OBJECT = Kind("(cmdlet)", _objects)
