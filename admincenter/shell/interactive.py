"""The shell on a terminal: a prompt with history and completion."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import Parameter
from admincenter.shell.secrecy import holds_secret
from admincenter.shell.session import Session

LEAVING = frozenset({"exit", "quit"})
_LAST_CALL = re.compile(r"""(?:"[^"]*"|'[^']*'|[^|;("'])*$""")
_LAST_WORD = re.compile(r"[^\s,:]*$")


def converse(session: Session, *, history: Path) -> None:
    """Read and run lines until `exit` or Ctrl-D; Ctrl-C drops the line, or ends what runs."""
    catalogue = session.shell.catalogue
    prompt: PromptSession[str] = PromptSession(
        f"[EMS] {session.shell.server}> ",
        history=ForgetfulHistory(history, forget=lambda line: holds_secret(line, catalogue)),
        completer=CmdletCompleter(catalogue),
        complete_while_typing=False,
    )
    session.console.note("Get-Command lists the cmdlets, Get-Help explains one, exit leaves.")
    while True:
        try:
            line = prompt.prompt()
            if line.strip().lower() in LEAVING:
                return
            session.execute(line)
        except KeyboardInterrupt:
            session.console.note("Stopped.")
        except EOFError:
            return


class ForgetfulHistory(FileHistory):
    """Lines of earlier sessions, in a file for its owner alone; a line with a secret is never kept."""

    def __init__(self, path: Path, *, forget: Callable[[str], bool]) -> None:
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._forget = forget
        super().__init__(str(path))

    def append_string(self, string: str) -> None:
        """Keep a line, unless a secret stands in it."""
        if not self._forget(string):
            super().append_string(string)


class CmdletCompleter(Completer):
    """Names of cmdlets, then of their parameters, then the few words that a parameter takes."""

    def __init__(self, catalogue: Iterable[type[Cmdlet]]) -> None:
        self._catalogue = tuple(catalogue)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Give what the word before the cursor can become."""
        del complete_event
        match = _LAST_CALL.search(document.text_before_cursor)
        call = match[0].lstrip() if match else ""
        word = _LAST_WORD.search(call)
        typed = word[0] if word else ""
        for candidate in self._candidates(call, typed):
            if candidate.lower().startswith(typed.lower()):
                yield Completion(candidate, start_position=-len(typed))

    def _candidates(self, call: str, typed: str) -> list[str]:
        words = call.split()
        if not words or (len(words) == 1 and typed):
            return sorted(cmdlet.name for cmdlet in self._catalogue)
        parameters = self._parameters(words[0])
        if typed.startswith("-"):
            return [f"-{parameter.name}" for parameter in parameters]
        before = call[: len(call) - len(typed)].rstrip(" :,").split()[-1].lstrip("-").lower()
        return [choice for one in parameters if one.name.lower() == before for choice in one.kind.choices]

    def _parameters(self, name: str) -> tuple[Parameter[Any], ...]:
        for cmdlet in self._catalogue:
            if name.lower() in {cmdlet.name.lower(), *(alias.lower() for alias in cmdlet.aliases)}:
                return cmdlet.declared()
        return ()
