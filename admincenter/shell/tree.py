"""A command line once it is read: what the grammar makes and the pipeline runs. Positions count from 1."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A word or a quoted string, unescaped."""

    text: str = field(repr=False)
    """Kept out of the repr: it can be a password."""
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """`$true`, `$false` or `$null`."""

    value: bool | None
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """`a,b,"c d"`, or `@("a","b")`."""

    items: tuple[Text | Constant, ...]
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """`@{Add="a","b"; Remove="c"}`: a change to a part of a multi-valued property."""

    add: tuple[Text, ...]
    remove: tuple[Text, ...]
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """`{Status -eq 'Retry'}`: text that is read later, by the filter language."""

    text: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    """`(Get-Credential)`: the objects that another pipeline gives."""

    pipeline: "Pipeline"
    position: int


Value = Text | Constant | Items | Edit | Block | Nested


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """`-Name`, or `-Name:value`; what follows the first form belongs to it unless it is a switch."""

    name: str
    position: int
    value: Value | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One cmdlet with what stands behind it, in its order."""

    name: str
    position: int
    arguments: tuple[Option | Value, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Cmdlets joined by `|`."""

    calls: tuple[Call, ...]
