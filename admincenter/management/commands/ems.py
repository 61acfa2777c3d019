"""`manage.py ems`: the management shell."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from admincenter.shell.console import Console
from admincenter.shell.interactive import converse
from admincenter.shell.record import log_to_file
from admincenter.shell.session import Session


class Command(BaseCommand):
    """Run cmdlets: one line with -c, lines from a file or a pipe, or a conversation on a terminal."""

    help = 'The management shell: Get-Queue, New-SendConnector and so on; -c "Get-Command" lists all.'
    # A connection that is never opened need not be checked: Get-Help works without a database.
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Start as a program: what is logged goes to a file rather than between the lines of output."""
        log_to_file(settings.DATA_DIR / "shell.log")
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare -c and --json."""
        parser.add_argument("-c", dest="command", metavar="COMMAND", help="run this and leave")
        parser.add_argument("--json", action="store_true", help="give all objects as one JSON array")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, and leave with status 1 when anything failed."""
        del args
        # Not everything that is told beside the output is an error: no red.
        self.stderr.style_func = None
        command, as_json = options["command"], options["json"]
        present = sys.stdin is not None and sys.stdin.isatty() and self.stdout.isatty()
        console = Console(self.stdout, self.stderr, interactive=present, plain=bool(options["no_color"]))
        try:
            with Session(console, as_json=as_json) as session:
                if command is not None:
                    succeeded = session.execute(command)
                elif present:
                    converse(session, history=settings.DATA_DIR / "shell_history")
                    succeeded = True
                else:
                    succeeded = session.execute_lines(sys.stdin)
        except KeyboardInterrupt:
            console.note("Stopped.")
            succeeded = False
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python would complain once more while it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            succeeded = False
        if not succeeded:
            sys.exit(1)
