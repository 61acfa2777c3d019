"""How the objects at the end of a pipeline want to be shown: Format-Table and Format-List."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import SWITCH, TEXTS, Parameter
from admincenter.shell.rows import Row


class Shape(Enum):
    """Table or list."""

    TABLE = "table"
    LIST = "list"


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What was asked for."""

    shape: Shape = Shape.TABLE
    properties: tuple[str, ...] = ()
    """Names or `*` patterns; empty: the default columns of a table, all of a list."""
    whole: bool = False
    """Show values in full, however wide the table gets."""
    position: int | None = None
    """Where the properties stand in the command."""


PROPERTY = Parameter(
    name="Property", kind=TEXTS, position=0, help="The properties to show, in this order; * stands for any."
)
AUTO_SIZE = Parameter(name="AutoSize", kind=SWITCH, help="Make columns as wide as their longest value.")


class Formatter(Cmdlet):
    """A cmdlet that changes nothing but the look."""

    shape: ClassVar[Shape]
    accepts_anything = True

    def view(self) -> View:
        """Give the look."""
        return View(
            shape=self.shape,
            properties=self.bound.get(PROPERTY) or (),
            whole=self.bound.get(AUTO_SIZE) is True,
            position=self.bound.position(PROPERTY),
        )

    def run(self, rows: Iterator[Row] | None) -> Iterator[Row]:
        """Let everything through."""
        return rows or iter(())


class FormatTable(Formatter):
    """`ft`."""

    name = "Format-Table"
    aliases = ("ft",)
    synopsis = "Shows objects as a table."
    examples = ("Get-Queue | ft Identity,Status,LastError -AutoSize",)
    parameters = (PROPERTY, AUTO_SIZE)
    shape = Shape.TABLE


class FormatList(Formatter):
    """`fl`."""

    name = "Format-List"
    aliases = ("fl",)
    synopsis = "Shows every property of objects on a line of its own."
    examples = ("Get-SendConnector Internet | fl", "Get-Queue | fl Identity,*Retry*")
    parameters = (PROPERTY,)
    shape = Shape.LIST
