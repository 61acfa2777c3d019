"""Makes DKIM-Signature fields; the only module that uses dkimpy."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import dkim

from transport.signing.fields import Field, Unreadable

NAME = b"DKIM-Signature"
SIGNED = frozenset(
    (
        *(b"from", b"sender", b"reply-to", b"subject", b"date", b"message-id", b"to", b"cc"),
        *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-id"),
        *(b"content-description", b"resent-date", b"resent-from", b"resent-sender", b"resent-to"),
        *(b"resent-cc", b"resent-message-id", b"in-reply-to", b"references", b"list-id", b"list-help"),
        *(b"list-unsubscribe", b"list-unsubscribe-post", b"list-subscribe", b"list-post", b"list-owner"),
        *(b"list-archive", b"auto-submitted"),
    )
)
"""Fields whose change would mislead a reader (RFC 6376 section 5.4.1), none that servers add or alter."""
OVERSIGNED = (b"from", b"subject", b"to", b"date")
"""Signed once more than they stand there, so that nobody can add one (RFC 6376 section 8.15)."""
MAX_SIGNED_FIELDS = 100
_ROOM_FOR_SIGNATURE = b"0" * 60
"""Makes dkimpy fold before b=, so that filling it in moves nothing that was hashed."""


class Signs(Protocol):
    """A key that signs."""

    @property
    def domain(self) -> str:
        """What d= names."""

    @property
    def selector(self) -> str:
        """What s= names."""

    @property
    def algorithm(self) -> str:
        """What a= names."""

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A key in the form that dkimpy asks: it hands over a digest and wants an object back."""

    signer: Signs

    @dataclass(frozen=True, slots=True)
    class Signed:
        signature: bytes

    def sign(self, digest: bytes) -> "_Key.Signed":
        return self.Signed(self.signer.sign(digest))


def signature_field(fields: Sequence[Field], *, body_hash: bytes, signer: Signs, at: datetime) -> bytes:
    """Sign a message; give the field with its line end. Relaxed canonical form, no l=: all of the body.

    Raises Unreadable, `dkim.DKIMException`, and what the signer raises.
    """
    signed = [field for field in fields if field.name in SIGNED]
    names = [*(field.name for field in signed), *OVERSIGNED]
    if len(names) > MAX_SIGNED_FIELDS:
        raise Unreadable(f"more than {MAX_SIGNED_FIELDS} fields would have to be signed")
    tags = [
        (b"v", b"1"),
        (b"a", signer.algorithm.encode("ascii")),
        (b"c", b"relaxed/relaxed"),
        (b"d", signer.domain.encode("ascii")),
        (b"s", signer.selector.encode("ascii")),
        (b"t", b"%d" % at.timestamp()),
        (b"h", b" : ".join(names)),
        (b"bh", base64.b64encode(body_hash)),
        (b"b", _ROOM_FOR_SIGNATURE),
    ]
    message = dkim.DKIM()
    message.headers = [[field.name, field.value] for field in signed]
    message.hasher = hashlib.sha256
    # For this one dkimpy asks the key to sign, instead of doing RSA itself, which takes 5 ms.
    message.signature_algorithm = b"ed25519-sha256"
    relaxed = dkim.CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    value: bytes = message.gen_header(tags, names, relaxed, NAME, _Key(signer))
    return NAME + b": " + value
