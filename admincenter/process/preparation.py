"""Brings database, static files and the first account up to date before the programs start."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection

from admincenter.accounts.services import ensure_first_administrator

_MIGRATION_LOCK = 0x6D61696C
"""Any number that every server of one database agrees on."""


def prepare() -> str | None:
    """Migrate, collect the static files, make the first administrator; returns his one-time password if new.

    DatabaseError where the database cannot be used.
    """
    with _one_server_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        password = ensure_first_administrator()
    collect_static_files()
    return password


@contextmanager
def _one_server_at_a_time() -> Iterator[None]:
    """Let several servers that start on one PostgreSQL database migrate it one after the other.

    SQLite needs nothing: its data directory is locked.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


def collect_static_files() -> None:
    """Publish the static files, unless nothing of them changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".fingerprint"
    fingerprint = _fingerprint()
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint, encoding="ascii")


def _fingerprint() -> str:
    """Digest name, size and time of every static file that the finders know."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list(None), key=lambda found: found[0]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
