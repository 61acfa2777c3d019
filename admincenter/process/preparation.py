"""Brings database, static files and the first account up to date before the programs start."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from admincenter.accounts.services import ensure_first_administrator
from admincenter.bootstrap import WrongSettingError, host_and_port
from connectors import receive_services
from connectors.errors import ConnectorError
from transport import self_signed

_MIGRATION_LOCK = 0x6D61696C
"""Any number that every server of one database agrees on."""


def prepare() -> str | None:
    """Migrate, collect the static files, make the first administrator; returns his one-time password if new.

    The first receive connectors and a certificate are made, too. DatabaseError where the database cannot be
    used, WrongSettingError where the settings make no connector.
    """
    with _one_server_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        password = ensure_first_administrator()
        ensure_receive_connectors()
    ensure_certificate()
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


def ensure_receive_connectors() -> None:
    """Make or move the receive connectors that follow ADMINCENTER_SMTP and ADMINCENTER_RELAY_NETWORKS."""
    host, port = host_and_port(settings.SMTP_ADDRESS, setting="ADMINCENTER_SMTP")
    try:
        receive_services.ensure_defaults(
            settings.SERVER_NAME,
            addresses=[f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in _addresses(host)],
            networks=settings.RELAY_NETWORKS,
        )
    except ConnectorError as error:
        raise WrongSettingError(f"ADMINCENTER_SMTP or ADMINCENTER_RELAY_NETWORKS: {error}") from error


def _addresses(host: str) -> list[str]:
    """Give the addresses of a host name; an address is its own."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise WrongSettingError(f"ADMINCENTER_SMTP: {host} has no address: {error}") from error
    return sorted({str(address[0]) for *_, address in found})


def ensure_certificate() -> None:
    """Make a certificate for the name of this server, so that mail can come in under TLS."""
    try:
        self_signed.ensure(settings.CERTIFICATES_DIR, name=settings.SERVER_FQDN, now=timezone.now())
    except OSError as error:
        raise WrongSettingError(
            f"ADMINCENTER_DATA_DIR: no certificate can be made ({error.strerror})"
        ) from error


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
