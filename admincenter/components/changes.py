"""Changes of settings in words: the audit log and the histories tell them alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.commands import Change, Value

_SHOWN_CHARACTERS = 60
_SHOWN_ENTRIES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One changed parameter in words; an empty tuple is nothing at all."""

    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    has_old: bool
    has_new: bool


def parameters(changes: Iterable[Change]) -> Iterator[Parameter]:
    """Say each change at length: what it was, what it is."""
    for one in changes:
        yield Parameter(
            name=one.name,
            old=_texts(one.old),
            new=_texts(one.new),
            has_old=one.known or one.old is not None,
            has_new=one.given,
        )


def in_short(change: Change) -> str:
    """Say a change on one line: `Port: 25 → 587`, `AddressSpaces: + SMTP:contoso.com;1`."""
    if change.secret:
        return f"{change.name}: {change.new}"
    old, new = _texts(change.old), _texts(change.new)
    if isinstance(change.new, list | tuple):
        return f"{change.name}: {_moved(old, new)}"
    return f"{change.name}: {_cut(old)} → {_cut(new)}"


def _moved(old: Sequence[str], new: Sequence[str]) -> str:
    """What came into a list and what left it; the same entries in another order are that."""
    gone, come = set(old) - set(new), set(new) - set(old)
    said = [f"+ {one}" for one in new if one in come] + [f"− {one}" for one in old if one in gone]  # noqa: RUF001
    if not said:
        return "in another order"
    more = f" and {len(said) - _SHOWN_ENTRIES} more" if len(said) > _SHOWN_ENTRIES else ""
    return ", ".join(map(_shorten, said[:_SHOWN_ENTRIES])) + more


def _cut(texts: Sequence[str]) -> str:
    return _shorten(" ".join(texts)) or "empty"


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, bool):
        return (str(value),)
    return () if value in (None, "") else (str(value),)
