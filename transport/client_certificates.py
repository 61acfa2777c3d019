"""Finds the client certificate of a send connector (TlsCertificateName), and says why it cannot be used."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from transport import certificate_store
from transport.certificate_store import CertificateUnusable, StoredCertificate, no_password
from transport.cleaning import clean_text

_MOST_BYTES = 1024 * 1024
_PART = re.compile(r'(?:[^,"\\]|\\.|"[^"]*")+')


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    issuer: tuple[str, ...]
    subject: tuple[str, ...]
    begins: datetime
    ends: datetime


def find(folder: Path, name: str, *, now: datetime) -> StoredCertificate:
    """Give the certificate of this name, with its key and valid now. Raises CertificateUnusable.

    Of several with one issuer and subject it is the one that is valid longest: a renewed one is used as soon
    as it lies in the folder.
    """
    found = list(_named(folder, name))
    if not found:
        raise CertificateUnusable(
            f"There is no certificate {_shown(name)} in the folder certificates of the data directory"
        )
    valid = [one for one in found if one[1].begins <= now < one[1].ends]
    if valid:
        return max(valid, key=lambda one: one[1].ends)[0]
    latest = max(found, key=lambda one: one[1].ends)[1]
    when = f"expired at {latest.ends:%Y-%m-%d %H:%M:%S} UTC"
    if now < latest.begins:
        when = f"is not valid before {latest.begins:%Y-%m-%d %H:%M:%S} UTC"
    raise CertificateUnusable(f"The certificate {_shown(name)} of the send connector {when}")


def _named(folder: Path, name: str) -> Iterator[tuple[StoredCertificate, _Facts]]:
    if not name.startswith("<I>"):
        stored = certificate_store.find(folder, name)
        if stored is not None:
            yield stored, _facts_of(stored)
        return
    issuer, _, subject = name.removeprefix("<I>").partition("<S>")
    wanted = _parts(issuer), _parts(subject)
    for candidate in certificate_store.names(folder):
        stored = certificate_store.find(folder, candidate)
        if stored is not None and _read_names(stored) == wanted:
            yield stored, _facts_of(stored)


def _read_names(stored: StoredCertificate) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """None for a file that is no certificate: it is somebody else's, and keeps no other from being found."""
    try:
        certificate = _load(stored.certificate, stored.stamp)
    except (OSError, ValueError):
        return None
    return _parts(certificate.issuer.rfc4514_string()), _parts(certificate.subject.rfc4514_string())


def _facts_of(stored: StoredCertificate) -> _Facts:
    try:
        return _facts(stored, stored.stamp)
    except (OSError, ValueError) as error:
        # What OpenSSL says is about keys; that a key is there and what is in it stays here.
        raise CertificateUnusable(
            f"The certificate {_shown(stored.name)} cannot be used: it, or its private key, cannot be read, "
            "the key has a password, or the two do not belong together"
        ) from error


@lru_cache(maxsize=64)
def _facts(stored: StoredCertificate, stamp: object) -> _Facts:
    """Read a certificate once for each time that its files changed. Raises OSError and ValueError."""
    certificate = _load(stored.certificate, stamp)
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
        stored.certificate, stored.key, password=no_password
    )
    return _Facts(
        issuer=_parts(certificate.issuer.rfc4514_string()),
        subject=_parts(certificate.subject.rfc4514_string()),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )


@lru_cache(maxsize=256)
def _load(path: Path, stamp: object) -> x509.Certificate:
    del stamp
    with path.open("rb") as file:
        return x509.load_pem_x509_certificates(file.read(_MOST_BYTES))[0]


def _parts(name: str) -> tuple[str, ...]:
    """Take a name apart so that order, case and spaces do not matter: tools print one name differently."""
    parts = (part.strip().lower() for part in _PART.findall(name))
    return tuple(sorted(re.sub(r"^s(?=\s*=)", "st", part).replace(" ", "") for part in parts if part))


def _shown(name: str) -> str:
    return clean_text(name, limit=200)
