"""Where the shell writes and whom it asks; everything that goes out is made safe for a terminal first."""

import getpass
from typing import Protocol

from rich.console import Console as Rich
from rich.text import Text


class Stream(Protocol):
    """What a line can be written to."""

    def write(self, text: str, /) -> object:
        """Write."""

    def isatty(self) -> bool:
        """Tell whether a person watches."""


class Console:
    """Two streams and, perhaps, a person."""

    def __init__(self, out: Stream, err: Stream, *, interactive: bool, plain: bool = False) -> None:
        self.interactive = interactive
        """Somebody is there to answer."""
        self._out = Rich(
            file=out,  # type: ignore[arg-type]  # Django's wrapper writes and flushes, which is all that is used
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            no_color=plain or None,
            force_terminal=False if plain else None,
        )
        self._err = err

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None when the output goes elsewhere and need not be cut."""
        return self._out.width if self._out.is_terminal else None

    def line(self, text: str, *, style: str = "") -> None:
        """Write one line of output."""
        self._out.print(Text(self._encodable(text), style=style), end="\n")

    def note(self, text: str) -> None:
        """Tell the person something that is not output: what was done, what was left out."""
        self._err.write(f"{safe(text)}\n")

    def confirm(self, question: str) -> bool:
        """Ask; only a clear yes is one."""
        return self.ask(f"{question} [y/N]").strip().lower() in {"y", "yes"}

    def ask(self, question: str) -> str:
        """Ask for a line of text; the end of the input is an empty one."""
        try:
            return input(f"{safe(question)} ")
        except EOFError:
            return ""

    def ask_secret(self, question: str) -> str:
        """Ask for a secret on the terminal itself, without an echo."""
        return getpass.getpass(f"{safe(question)}: ")

    def _encodable(self, text: str) -> str:
        encoding = self._out.encoding
        return text.encode(encoding, "backslashreplace").decode(encoding)


def safe(text: str) -> str:
    r"""Make a text one printable line: what does not print is shown as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
