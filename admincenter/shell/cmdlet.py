"""What a cmdlet is: a name, declared parameters, and `run` over the objects that come in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from admincenter.shell.binding import Bound
from admincenter.shell.console import Console
from admincenter.shell.errors import ShellError
from admincenter.shell.parameters import SWITCH, Parameter
from admincenter.shell.rows import Row, RowType

WHAT_IF = Parameter(name="WhatIf", kind=SWITCH, help="Say what would be done, and do nothing.")
CONFIRM = Parameter(
    name="Confirm",
    kind=SWITCH,
    help="Ask first. Cmdlets that remove ask by themselves on a terminal; -Confirm:$false never asks.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """What every cmdlet of a session works with."""

    console: Console
    actor: str
    """Who does it, for the log: `shell:<user>`."""
    server: str
    """The transport server that is meant where none is named."""
    catalogue: tuple[type["Cmdlet"], ...]
    """All cmdlets."""


class Cmdlet:
    """One cmdlet, made for one call."""

    name: ClassVar[str]
    synopsis: ClassVar[str]
    """One sentence."""
    remarks: ClassVar[str] = ""
    """What the help says besides."""
    examples: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[Parameter[Any], ...]] = ()
    accepts: ClassVar[tuple[RowType, ...]] = ()
    """Types of object that it takes from the pipeline."""
    accepts_anything: ClassVar[bool] = False
    changes: ClassVar[bool] = False
    """It changes something: it has -WhatIf and -Confirm."""
    asks: ClassVar[bool] = False
    """It asks first unless told otherwise, when somebody is there to answer."""

    def __init__(self, bound: Bound, shell: Shell) -> None:
        self.bound = bound
        self.shell = shell

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Do it; `rows` is None when nothing stands before it in the pipeline. Raises ShellError."""
        raise NotImplementedError

    @classmethod
    def declared(cls) -> tuple[Parameter[Any], ...]:
        """All parameters, the common ones too."""
        return (*cls.parameters, WHAT_IF, CONFIRM) if cls.changes else cls.parameters

    def approved(self, deed: str) -> bool:
        """Tell whether it may be done; `deed` says what, as in `remove 3 messages`. Raises ShellError."""
        if self.bound.get(WHAT_IF):
            self.shell.console.note(f"What if: {deed}")
            return False
        console = self.shell.console
        wanted = self.bound.get(CONFIRM)
        if wanted and not console.interactive:
            raise ShellError(
                "-Confirm asks on a terminal, and there is none", position=self.bound.position(CONFIRM)
            )
        asks = console.interactive and self.asks if wanted is None else wanted
        return not asks or console.confirm(f"{deed[:1].upper()}{deed[1:]}?")

    def refuse(self, rule: str, *parameters: Parameter[Any]) -> NoReturn:
        """Refuse the call, at the value of the first used one of these parameters."""
        raise ShellError(rule, position=self.bound.position(*parameters))

    def refuse_together(self, *parameters: Parameter[Any]) -> None:
        """Refuse the call when more than one of these parameters is used."""
        given = self.bound.given(*parameters)
        if len(given) > 1:
            self.refuse(f"-{given[0].name} and -{given[1].name} exclude each other", given[1])
