"""Whose mail is signed, by which key, and where the signature stands."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.domains import a_label
from connectors.signers import Signer, Signers, UnusableKey
from transport import headers
from transport.envelope import Envelope
from transport.line_ends import only_crlf
from transport.signing.bodies import body_hash
from transport.signing.fields import (
    Field,
    Unreadable,
    after_first_field,
    author_domain,
    fields_of,
    header_of,
    signing_domains,
)
from transport.signing.signatures import signature_field

logger = logging.getLogger(__name__)
_UNSAFE_HEADER = re.compile(rb"[\x0b\x0c]")
"""Blanks for one verifier and text for the next."""


def signed(envelope: Envelope, *, signers: Signers, now: datetime) -> Envelope:
    """Put a DKIM-Signature on a message whose author's domain has a key, below our own Received line.

    Mail from strangers is not signed, nor what bears a signature of that domain already. What cannot be
    signed goes as it is; the log says why.
    """
    if not signers or not envelope.trusted_sender:
        return envelope
    header = header_of(envelope.content)
    found = signers.of(_author(header))
    if not found:
        return envelope
    lines = b"".join(_signatures(envelope, header, found, now=now))
    if not lines:
        return envelope
    at = after_first_field(envelope.content)
    return replace(envelope, content=envelope.content[:at] + lines + envelope.content[at:])


def _author(header: bytes) -> str:
    domain = author_domain(header)
    return domain.decode() if domain.isascii() else a_label(domain.decode("utf-8", "replace"))


def _signatures(
    envelope: Envelope, header: bytes, signers: Sequence[Signer], *, now: datetime
) -> Iterator[bytes]:
    try:
        fields = _readable(envelope.content, header)
        if signers[0].domain in signing_domains(fields):
            return
        hashed = body_hash(envelope.content, start=len(header) + 2)
    except Unreadable as error:
        _left_out(envelope, signers[0], reason=str(error))
        return
    for signer in signers:
        try:
            yield signature_field(fields, body_hash=hashed, signer=signer, at=now)
        except (Unreadable, UnusableKey) as error:
            _left_out(envelope, signer, reason=str(error))
        except Exception as error:  # noqa: BLE001 - no signature is worth a message
            _left_out(envelope, signer, reason=type(error).__name__)


def _readable(content: bytes, header: bytes) -> list[Field]:
    """Give the fields of a message that every verifier reads in the same way. Raises Unreadable."""
    if not only_crlf(content):
        raise Unreadable("a line ends with a lone CR or LF, which is mended on the wire")
    if b"\0" in content:
        raise Unreadable("there is a NUL in it, which is dropped on the wire")
    if _UNSAFE_HEADER.search(header):
        raise Unreadable("there is a control character in the header")
    return fields_of(header)


def _left_out(envelope: Envelope, signer: Signer, *, reason: str) -> None:
    facts = {
        "domain": signer.domain,
        "selector": signer.selector,
        "reason": reason,
        "internet_message_id": headers.summary(envelope.content).message_id,
    }
    logger.warning("dkim_not_signed", extra=facts)
