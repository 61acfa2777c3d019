"""What must be sure before settings can be used: directories, secrets, well-formed values.

Of Django it knows one exception.
"""

import hashlib
import ipaddress
import os
import re
import secrets
import stat
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import environ
import idna
from django.core.exceptions import ImproperlyConfigured

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit for the path of a Unix socket is 107, and Redis binds a temporary name first."""
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
_SERVER_NAME = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,62}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})")


class WrongSettingError(ImproperlyConfigured):
    """A setting that the program cannot start with; the text names it, its value and the rule."""


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # the library is untyped
    """Reads variables; a `NAME_FILE` that cannot be read is a wrong setting."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        """As the library's."""
        try:
            return super().get_value(var, *args, **kwargs)
        except OSError as error:
            path = os.environ.get(f"{var}_FILE")
            why = f"the file cannot be read ({error.strerror})"
            raise WrongSettingError(f"{var}_FILE={path}: {why}") from error


def private_directory(path: Path, *, setting: str) -> Path:
    """Return `path`, made with mode 0700 if it is not there; WrongSettingError where it cannot be written."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSettingError(
            f"{setting}: the directory {path} cannot be made ({error.strerror})"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise WrongSettingError(f"{setting}: the directory {path} cannot be written by this user")
    return path


def local_secret(path: Path) -> str:
    """Return the secret kept in `path`; make it (384 bits, mode 0600) if it is not there.

    Two processes that start together agree: the file is created exclusively, the loser reads it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if not path.exists():
            _publish(secrets.token_urlsafe(48), draft=draft, path=path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise WrongSettingError(f"the secret in {path} cannot be read or made ({error.strerror})") from error


def _publish(secret: str, *, draft: Path, path: Path) -> None:
    draft.touch(mode=0o600)
    draft.write_text(secret, encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def redis_socket(data_dir: Path) -> Path:
    """Where the private Redis listens: in the data directory, unless that path is too long or too odd.

    Then it is a directory of this user under /tmp whose name follows from the data directory, so that every
    process agrees on it. WrongSettingError if somebody else owns that directory: he could play our Redis.
    """
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(path)):
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    fallback = Path("/tmp") / f"admincenter-{os.geteuid()}-{digest}"  # noqa: S108 - owner and mode are checked
    private_directory(fallback, setting="ADMINCENTER_DATA_DIR")
    found = fallback.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise WrongSettingError(
            f"ADMINCENTER_DATA_DIR: {fallback} is not a private directory of this user; remove it"
        )
    return fallback / "redis.sock"


def host_and_port(value: str, *, setting: str) -> tuple[str, int]:
    """Split `127.0.0.1:2525`, `[::1]:2525` or `name:2525`; the brackets are gone from the host.

    WrongSettingError for anything else; whether the name resolves is not looked at.
    """
    host, _, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not _is_host(host, bracketed=bracketed):
        raise WrongSettingError(f"{setting}={value}: write host:port, such as 127.0.0.1:8000 or [::1]:8000")
    if not _is_port(port):
        raise WrongSettingError(f"{setting}={value}: the port must be a number from 1 to 65535")
    return host, int(port)


def port_number(value: str, *, setting: str) -> int:
    """Return a port; WrongSettingError for anything else."""
    if not _is_port(value):
        raise WrongSettingError(f"{setting}={value}: write a number from 1 to 65535")
    return int(value)


def whole_number(value: str, *, most: int, setting: str) -> int:
    """Return a number from 1 to `most`."""
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most)) and 1 <= int(value) <= most):
        raise WrongSettingError(f"{setting}={value}: write a number from 1 to {most}")
    return int(value)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 0xFFFF  # noqa: PLR2004 - 16 bits


def _is_host(text: str, *, bracketed: bool) -> bool:
    try:
        return (ipaddress.ip_address(text).version == 6) is bracketed  # noqa: PLR2004 - IPv6
    except ValueError:
        return not bracketed and _HOST_NAME.fullmatch(text) is not None


def server_name(value: str, *, setting: str) -> str:
    """Return the name in upper case; queue identities and names of Celery queues are made of it."""
    name = value.upper()
    if not _SERVER_NAME.fullmatch(name):
        raise WrongSettingError(
            f"{setting}={value}: a server name has 1 to 63 letters, digits, hyphens and underscores",
        )
    return name


def host_name(value: str, *, setting: str) -> str:
    """Return the name by which this server speaks to others, in lower case A-labels."""
    try:
        name = value if value.isascii() else idna.encode(value, uts46=True).decode()
    except idna.IDNAError:
        name = ""
    # Machines are called my_host every day, and getfqdn() says so.
    if not _HOST_NAME.fullmatch(name.replace("_", "-")):
        raise WrongSettingError(f"{setting}={value}: not a host name such as mail.example.com")
    return name.lower()


def networks(values: Iterable[str], *, setting: str) -> list[str]:
    """Return the networks (`10.0.0.0/8`, `::1/128`) as they were written."""
    kept = list(values)
    for value in kept:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise WrongSettingError(f"{setting}: {error}") from error
    return kept


def switch(value: str, *, setting: str) -> bool:
    """Whether `value` means yes. Unlike Django's habits, a word that is neither yes nor no is refused."""
    words = {"": False, "0": False, "no": False, "off": False, "false": False}
    words |= {"1": True, "yes": True, "on": True, "true": True}
    if value.lower() not in words:
        raise WrongSettingError(f"{setting}={value}: write true or false")
    return words[value.lower()]


def one_of(value: str, *, words: tuple[str, ...], setting: str) -> str:
    """Return the word that is meant, whatever its case."""
    if value.lower() not in words:
        raise WrongSettingError(f"{setting}={value}: write {' or '.join(words)}")
    return value.lower()


def service_url(value: str, *, schemes: tuple[str, ...], setting: str) -> str:
    """Return the address of a service, checked for its scheme only: the rest may hold a password."""
    if not value.startswith(schemes):
        raise WrongSettingError(f"{setting} must start with {' or '.join(schemes)}")
    return value


def time_zone(value: str, *, setting: str) -> str:
    """Return the name of a time zone that this machine knows."""
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise WrongSettingError(f"{setting}={value}: write a name such as UTC or Europe/Berlin") from error
    return value
