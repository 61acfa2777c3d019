"""Private keys of DKIM: made, read, used. Uses cryptography, whose RSA is 20 times faster than dkimpy's own.

RFC 6376 and RFC 8301 (RSA with SHA-256), RFC 8463 (Ed25519).
"""

import base64
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from connectors.errors import InvalidValue

DEFAULT_SIZE_BITS = 2048
MADE_SIZES_BITS = (2048, 3072, 4096)
MIN_SIZE_BITS, MAX_SIZE_BITS = 1024, 4096
"""Of a key that is brought along: verifiers ignore shorter ones (RFC 8301) and need not know longer ones."""
ED25519_SIZE_BITS = 256


class Algorithm(StrEnum):
    """What a signature names in its tag a=."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"

    @property
    def key_type(self) -> str:
        """What the DNS record names in its tag k=."""
        return self.value.removesuffix("-sha256")


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One opened private key."""

    algorithm: Algorithm
    size_bits: int
    public_key: str
    """Base64, as the tag p= of the DNS record has it."""
    _key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        """The private key as PKCS#8 PEM: to be sealed at once."""
        encoded = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return encoded.decode("ascii")

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; 0.2 ms for RSA of 2048 bits."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)


def generate(algorithm: Algorithm, *, size_bits: int = DEFAULT_SIZE_BITS) -> SigningKey:
    """Make a new key; the size is that of RSA. Raises InvalidValue."""
    if algorithm is Algorithm.ED25519:
        return _signing_key(ed25519.Ed25519PrivateKey.generate())
    if size_bits not in MADE_SIZES_BITS:
        sizes = ", ".join(map(str, MADE_SIZES_BITS))
        raise InvalidValue("size_bits", size_bits, f"a new RSA key has one of {sizes} bits")
    return _signing_key(rsa.generate_private_key(public_exponent=65_537, key_size=size_bits))


def read_pem(pem: str) -> SigningKey:
    """Open a private key in PEM form, PKCS#1 or PKCS#8. Raises InvalidValue, which never tells any of it."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), password=None)
    except TypeError as error:
        raise _refused("the PEM file is encrypted: decrypt it first (openssl pkey)") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("this is no private key in PEM form") from error
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise _refused("DKIM knows RSA and Ed25519 keys only")
    opened = _signing_key(key)
    if opened.algorithm is Algorithm.RSA and not MIN_SIZE_BITS <= opened.size_bits <= MAX_SIZE_BITS:
        raise _refused(
            f"an RSA key has {MIN_SIZE_BITS} to {MAX_SIZE_BITS} bits, this one has {opened.size_bits}"
        )
    return opened


def _signing_key(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> SigningKey:
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm, size_bits = Algorithm.RSA, key.key_size
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        algorithm, size_bits = Algorithm.ED25519, ED25519_SIZE_BITS
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningKey(
        algorithm=algorithm,
        size_bits=size_bits,
        public_key=base64.b64encode(public).decode("ascii"),
        _key=key,
    )


def _refused(rule: str) -> InvalidValue:
    return InvalidValue("private_key", "", rule)
