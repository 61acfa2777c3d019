"""Seals what must not be read from the database: smart host passwords, private keys of DKIM.

A sealed text reads `v1:<key id>:<base64url of nonce and ciphertext>`: AES-256-GCM with kind and guid of its
row as associated data, so that it opens for no other row. Keys come from `settings.FIELD_KEYS`, newest
first: the first one seals, every one opens.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from connectors.errors import ConnectorError

VERSION = "v1"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_ID_BYTES = 6


class Owner(StrEnum):
    """The kinds of row that a text can be sealed for."""

    SEND_CONNECTOR = "send-connector"
    DKIM_KEY = "dkim-key"


class CannotUnseal(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """No configured key opens the sealed text for this connector. Never tells any of its content."""


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    cipher: AESGCM = field(repr=False)


def seal(plain: str, *, guid: UUID | str, owner: Owner = Owner.SEND_CONNECTOR) -> str:
    """Seal a text for one row with the newest key."""
    key = _keys()[0]
    nonce = os.urandom(_NONCE_BYTES)
    box = nonce + key.cipher.encrypt(nonce, plain.encode(), _bound_to(guid, owner))
    return f"{VERSION}:{key.id}:{base64.urlsafe_b64encode(box).decode('ascii')}"


def open_sealed(sealed: str, *, guid: UUID | str, owner: Owner = Owner.SEND_CONNECTOR) -> str:
    """Give the text back. Raises CannotUnseal."""
    key_id, box = _parts(sealed)
    key = next((key for key in _keys() if key.id == key_id), None)
    if key is None:
        raise CannotUnseal(f"The password was sealed with the key {key_id}, which is no longer configured.")
    try:
        return key.cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound_to(guid, owner)).decode()
    except (InvalidTag, ValueError) as error:
        raise CannotUnseal("The sealed password was altered, or belongs to another connector.") from error


def reseal(sealed: str, *, guid: UUID | str, owner: Owner = Owner.SEND_CONNECTOR) -> str:
    """Seal again with the newest key; what that key sealed already stays as it is. Raises CannotUnseal."""
    return (
        sealed
        if is_current(sealed)
        else seal(open_sealed(sealed, guid=guid, owner=owner), guid=guid, owner=owner)
    )


def is_current(sealed: str) -> bool:
    """Tell whether the newest key sealed this."""
    return sealed.startswith(current_prefix())


def current_prefix() -> str:
    """Give what every text sealed with the newest key starts with."""
    return f"{VERSION}:{_keys()[0].id}:"


def _parts(sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(":")
    key_id, _, encoded = rest.partition(":")
    if version != VERSION or not encoded:
        raise CannotUnseal("The stored password is not in a sealed form that this version knows.")
    try:
        box = base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotUnseal("The sealed password was altered.") from error
    if len(box) <= _NONCE_BYTES:
        raise CannotUnseal("The sealed password was cut off.")
    return key_id[:16], box


def _bound_to(guid: UUID | str, owner: Owner) -> bytes:
    return f"{owner}:{UUID(str(guid))}".encode()


def _keys() -> list[_Key]:
    return [_derived(secret) for secret in settings.FIELD_KEYS]


@lru_cache(maxsize=16)
def _derived(secret: str) -> _Key:
    """Derive the cipher, and an id that tells nothing about it, by one HKDF (RFC 5869)."""
    hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES + _ID_BYTES, salt=None, info=b"connectors field key v1")
    derived = hkdf.derive(secret.encode())
    return _Key(id=derived[_KEY_BYTES:].hex(), cipher=AESGCM(derived[:_KEY_BYTES]))
