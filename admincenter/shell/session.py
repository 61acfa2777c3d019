"""Runs command lines one after the other, and answers each mistake with one line."""

import logging
import os
import pwd
from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.db import DatabaseError

from admincenter.shell import output, pipeline
from admincenter.shell.catalogue import CMDLETS
from admincenter.shell.cmdlet import Shell
from admincenter.shell.console import Console
from admincenter.shell.errors import ShellError, locate
from admincenter.shell.grammar import parse
from connectors import audit
from connectors.errors import ConnectorError

logger = logging.getLogger(__name__)
OTHER_VERSION = (
    " (`make up` brings the database of its data directory up to date; ADMINCENTER_DATA_DIR and DATABASE_URL"
    " name another one)"
)


class Session:
    """One person at one shell."""

    def __init__(self, console: Console, *, as_json: bool = False) -> None:
        self.console = console
        self._as_json = as_json
        self._first = True
        self.shell = Shell(console=console, actor=actor(), server=settings.SERVER_NAME, catalogue=CMDLETS)

    def execute(self, source: str, *, line: int | None = None) -> bool:
        """Run a text; True when all of it went well. A mistake ends it, and is told in one line.

        `line` is its number among other lines, when it is one of several.
        """
        try:
            with audit.coming_from(audit.LOCAL_CONSOLE):
                for one in parse(source):
                    self._show(pipeline.run(one, self.shell))
        except ShellError as error:
            self._complain(error, source=source, line=line)
        except ConnectorError as error:
            self._complain(ShellError(str(error)), source=source, line=line)
        except DatabaseError as error:
            logger.exception("shell_database_error")
            reason = (str(error).splitlines() or [""])[0]
            hint = OTHER_VERSION if "no such" in reason or "does not exist" in reason else ""
            fault = ShellError(f"the database did not do it: {reason}{hint}")
            self._complain(fault, source=source, line=line)
        except BrokenPipeError:
            raise
        except Exception:  # the border to a person: a defect must not show its insides
            logger.exception("shell_defect")
            fault = ShellError("that went wrong, and the fault is ours; the log says more")
            self._complain(fault, source=source, line=line)
        else:
            return True
        return False

    def execute_lines(self, lines: Iterable[str]) -> bool:
        """Run line by line; the first mistake ends it, because later lines may rely on earlier ones."""
        return all(self.execute(line, line=number) for number, line in enumerate(lines, 1))

    def __enter__(self) -> Self:
        if self._as_json:
            self.console.line("[")
        return self

    def __exit__(self, *_: object) -> None:
        if self._as_json:
            self.console.line("]")

    def _show(self, result: pipeline.Output) -> None:
        if not self._as_json:
            output.write(result.rows, result.view, self.console)
            return
        for row in result.rows:
            self.console.line(f"{' ' if self._first else ','} {output.to_json(row, result.view)}")
            self._first = False

    def _complain(self, error: ShellError, *, source: str, line: int | None) -> None:
        self.console.note(f"ems: {locate(error, source=source, line=line)}")


def actor() -> str:
    """Who sits here, by the id of the process: an environment variable can say anything."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"shell:{name}"
