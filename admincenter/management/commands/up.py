"""`manage.py up`: prepares the data directory and runs the whole server until it is told to stop."""

import os
import resource
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections

from admincenter.accounts.services import FIRST_ADMINISTRATOR
from admincenter.bootstrap import WrongSettingError
from admincenter.process import claims, preparation, programs, supervision
from connectors import reception

OWNER_ONLY = 0o077
"""Whatever a program of ours writes, mail and logs too, is for this user alone."""
OPEN_FILES = 65_536
"""A worker holds a thousand sessions, each with a socket or two."""


class Command(BaseCommand):
    """Start web console, SMTP listener and delivery worker of this server."""

    requires_system_checks = ()
    """Those are for developers (`make check`); mail must flow even when a page is broken."""
    help = "Run this transport server: web console, SMTP in, delivery. Ctrl-C stops it cleanly."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Claim, prepare, announce, run."""
        os.umask(OWNER_ONLY)
        claims.claim_data_directory(settings.DATA_DIR)
        claims.check_address_free(settings.HTTP_ADDRESS, setting="ADMINCENTER_HTTP")
        claims.check_address_free(settings.SMTP_ADDRESS, setting="ADMINCENTER_SMTP")
        to_run = programs.programs_of_this_server()
        try:
            password = preparation.prepare()
        except DatabaseError as error:
            raise WrongSettingError(
                f"DATABASE_URL: the database cannot be used: {_first_line(error)}"
            ) from error
        self._announce(password)
        connections.close_all()
        _allow_open_files()
        supervision.supervise(to_run)

    def _announce(self, password: str | None) -> None:
        self.stdout.write(
            "Mail flow admin center\n"
            f"  web     http://{settings.HTTP_ADDRESS}/\n"
            f"  SMTP    {_bindings()}\n"
            f"  server  {settings.SERVER_NAME}\n"
            f"  data    {settings.DATA_DIR}",
        )
        if password:
            self.stdout.write(
                f"\n  First sign-in: user {FIRST_ADMINISTRATOR}, password {password}\n"
                "  It is shown only now; the first sign-in asks for a new one.",
            )
        self.stdout.write("")
        sys.stdout.flush()


def _bindings() -> str:
    """Where the receive connectors of this server listen."""
    profiles = reception.profiles_of(settings.SERVER_NAME)
    bindings = {str(binding) for profile in profiles for binding in profile.settings.bindings}
    return ", ".join(sorted(bindings)) or "no enabled receive connector"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _allow_open_files() -> None:
    """Raise the soft limit of open files as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
