"""Certificates of this server: PEM files in the folder `certificates` of the data directory.

`<name>.pem` holds the certificate with its chain and, unless `<name>.key` stands beside it, its private key.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = "certificates"
CERTIFICATE_SUFFIX, KEY_SUFFIX = ".pem", ".key"


class CertificateUnusable(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """It is missing, unreadable, expired or not yet valid; the text says so to an administrator."""


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """One certificate with its key."""

    name: str
    certificate: Path
    key: Path | None
    """None: it is in the same file."""

    @property
    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What differs when a file was replaced or written anew. Raises OSError."""
        files = [self.certificate, *([self.key] if self.key else [])]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in (one.stat() for one in files))


def find(folder: Path, name: str) -> StoredCertificate | None:
    """Give the certificate of a name, which is no path; None when there is no such file."""
    if not name or "/" in name or name.startswith("."):
        return None
    certificate, key = folder / f"{name}{CERTIFICATE_SUFFIX}", folder / f"{name}{KEY_SUFFIX}"
    if not certificate.is_file():
        return None
    return StoredCertificate(name=name, certificate=certificate, key=key if key.is_file() else None)


def names(folder: Path) -> tuple[str, ...]:
    """Give the names of all certificates there are."""
    return tuple(sorted(path.stem for path in folder.glob(f"*{CERTIFICATE_SUFFIX}")))


def no_password() -> str:
    """Answer OpenSSL, which would ask on the terminal, for the password of a private key: there is none."""
    return ""
