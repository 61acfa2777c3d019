"""The certificate that a server starts with: self-signed, for its own name."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from transport.certificate_store import CERTIFICATE_SUFFIX

VALID_FOR = timedelta(days=3650)
_BACKDATED = timedelta(days=1)
"""Clients whose clock is behind see it as valid, too."""
_MAX_COMMON_NAME = 64


def ensure(folder: Path, *, name: str, now: datetime) -> bool:
    """Make the certificate of this name unless it is there; tells whether one was made.

    Of two processes that start together one makes it. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}{CERTIFICATE_SUFFIX}"
    if path.exists():
        return False
    draft = folder / f".{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    try:
        draft.write_bytes(_pem(name, now=now))
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _pem(name: str, *, now: datetime) -> bytes:
    """Give certificate and private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_MAX_COMMON_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + private
