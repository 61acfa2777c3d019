"""A change as the management shell says it: its cmdlet's parameters, old and new, and the line. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.validators import format_time_span

Value = str | int | bool | None | Sequence[str]
"""What a parameter takes: text, number, $true or $false, $null, or a list of texts."""
UNLIMITED = "unlimited"
CREDENTIAL = "AuthenticationCredential"
SWITCHES = frozenset({"Renew", "Resubmit"})
"""Parameters that stand in a line without a value."""
CONSOLE_ONLY = frozenset({"New-User", "Set-User", "Add-RoleGroupMember", "Remove-RoleGroupMember"})
"""Exchange's names for what our management shell has no cmdlet for: they have no line to copy."""
_WITHOUT_IDENTITY = ("New-", "Add-", "Redirect-")
"""Verbs whose cmdlets name no object that is there already."""
_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/\\@+-]*")
_ESCAPES = {"`": "``", '"': '`"', "$": "`$", "\n": "`n", "\r": "`r", "\t": "`t"}
_UNITS = (("GB", 2**30), ("MB", 2**20), ("KB", 2**10))


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is compared and never told."""

    sealed: str = field(repr=False)


Settings = Mapping[str, Value | Secret]
"""All settings of an object, by the name of their parameter, in the order of the help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One parameter of one change."""

    name: str
    old: Value = None
    new: Value = None
    secret: bool = False
    """`new` is then "changed" or "removed", and `old` says nothing."""
    known: bool = False
    """The old value is known even if it is $null."""
    given: bool = True
    """It stands in the line; what a removed object had been does not."""

    def stored(self) -> dict[str, Any]:
        """Give it as JSON; what is as usual is left out."""
        usual = Change(name=self.name)
        return {
            part: value
            for part, value in asdict(self).items()
            if part == "name" or value != getattr(usual, part)
        }

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Change":
        """Read what `stored` gave."""
        return cls(**stored)


def made(blank: Settings, settings: Settings) -> tuple[Change, ...]:
    """Give what a New- cmdlet must be told: where an object differs from a new one without parameters."""
    return tuple(Change(name=one.name, new=one.new, secret=one.secret) for one in compared(blank, settings))


def compared(old: Settings, new: Settings, *, fixed: Collection[str] = ()) -> tuple[Change, ...]:
    """Give the parameters that differ; those in `fixed` have no place in the line of the Set- cmdlet."""
    return tuple(
        _change(name, old.get(name), value, given=name not in fixed)
        for name, value in new.items()
        if value != old.get(name)
    )


def lost(blank: Settings, settings: Settings) -> tuple[Change, ...]:
    """Give what an object had been that is removed."""
    return tuple(
        Change(name=one.name, old=one.new, given=False) for one in compared(blank, settings) if not one.secret
    )


def _change(name: str, old: Value | Secret, new: Value | Secret, *, given: bool) -> Change:
    if isinstance(new, Secret):
        return Change(name=name, new="changed" if new.sealed else "removed", secret=True, given=given)
    was = None if isinstance(old, Secret) else old
    return Change(name=name, old=was, new=new, given=given, known=was is None)


def line(cmdlet: str, *, identity: str = "", changes: Iterable[Change] = ()) -> str:
    """Write the line that does it, ready for the management shell. Secrets are asked for, never written."""
    given = [one for one in changes if one.given]
    by_filter = any(one.name == "Filter" for one in given)
    words = [cmdlet]
    if identity and not by_filter and not cmdlet.startswith(_WITHOUT_IDENTITY):
        words += ["-Identity", quoted(identity)]
    return " ".join([*words, *_arguments(given)])


def _arguments(changes: Sequence[Change]) -> Iterator[str]:
    user = next((one.new for one in changes if one.name == "UserName"), None)
    asked = any(one.name == CREDENTIAL and one.new == "changed" for one in changes)
    for one in changes:
        if one.name in SWITCHES:
            yield f"-{one.name}" if one.new else ""
        elif one.secret and one.new == "changed":
            yield f"-{one.name} {_asking(one.name, user)}"
        elif not one.secret and not (asked and one.name == "UserName"):
            yield f"-{one.name} {written(one.new)}"


def _asking(name: str, user: Value) -> str:
    """What stands in the place of a secret."""
    if name == CREDENTIAL:
        return f"(Get-Credential -UserName {written(user)})" if user else "(Get-Credential)"
    return '"type it here"'


def written(value: Value) -> str:
    """Write a value as the shell reads it."""
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return f"${str(value).lower()}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    return ",".join(map(quoted, value)) or "$null"


def quoted(text: str) -> str:
    """Write a text: bare where that is safe, else in double quotes, on one line."""
    if _BARE.fullmatch(text):
        return text
    return f'"{"".join(_ESCAPES.get(one, one) for one in text)}"'


def spelled(value: Any) -> Value:
    """Turn a setting into what its parameter takes; sizes and limits have functions of their own."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, timedelta):
        return format_time_span(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, tuple | list | frozenset):
        texts = [str(one) for one in value]
        return sorted(texts) if isinstance(value, frozenset) else texts
    return str(value)


def limit(value: Any) -> Value:
    """Write a limit; None is unlimited."""
    return UNLIMITED if value is None else spelled(value)


def size(size_bytes: int | None) -> str:
    """Write a size exactly: `35MB`, `1500B`, `unlimited`."""
    if size_bytes is None:
        return UNLIMITED
    unit, factor = next((one for one in _UNITS if size_bytes and size_bytes % one[1] == 0), ("B", 1))
    return f"{size_bytes // factor}{unit}"
