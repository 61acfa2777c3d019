"""Subject and public key of a certificate nobody verified: `ssl` gives it as DER bytes only. And its names.

A reader of just enough DER (X.690) for RFC 5280 section 4.1; every length is checked, nothing is followed.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from transport.cleaning import clean_text

SUBJECT_LIMIT = 255
DESCRIPTION_LIMIT = 1000

_SEQUENCE = 0x30
_VERSION = 0xA0
_SUBJECT_AT = 4
"""Serial number, signature, issuer and validity stand before it."""
_SERIAL_AT, _ISSUER_AT, _PUBLIC_KEY_AT = 0, 2, 5
_EXTENSIONS = 0xA3
_ALTERNATE_NAMES = bytes.fromhex("551d11")
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_LONG_FORM = 0x80
_LENGTH_BYTES = 4
_BMP_STRING = 0x1E
_NAMES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "S",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}


def subject(der: bytes) -> str:
    """Return the subject as `CN=mx.example.com, O=Example`; empty when it has none or is unreadable."""
    try:
        return _name(_fields(der)[_SUBJECT_AT][1])
    except (ValueError, IndexError):
        return ""


def describe(der: bytes) -> list[tuple[str, str]]:
    """Name a certificate the way Exchange's protocol log does: (what, value), without what is unreadable."""
    facts = (
        ("Certificate subject", lambda: _name(_fields(der)[_SUBJECT_AT][1])),
        ("Certificate issuer name", lambda: _name(_fields(der)[_ISSUER_AT][1])),
        ("Certificate serial number", lambda: _fields(der)[_SERIAL_AT][1].hex().upper()),
        ("Certificate thumbprint", lambda: hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()),
        ("Certificate alternate names", lambda: ";".join(_alternate_names(der))),
    )
    return [(what, value) for what, read in facts if (value := _readable(read))] if der else []


def _readable(read: Callable[[], str]) -> str:
    try:
        return clean_text(read(), limit=DESCRIPTION_LIMIT)
    except (ValueError, IndexError):
        return ""


def _name(encoded: bytes) -> str:
    names = [_attribute(name) for _, part, _ in _elements(encoded) for _, name, _ in _elements(part)]
    return clean_text(", ".join(names), limit=SUBJECT_LIMIT)


def _alternate_names(der: bytes) -> Iterator[str]:
    """Yield the DNS names and addresses of the subjectAltName extension (RFC 5280 section 4.2.1.6)."""
    for tag, value, _ in _fields(der):
        if tag != _EXTENSIONS:
            continue
        for _, extension, _ in _elements(_only(value)):
            kind, *_, (_, content, _) = _elements(extension)
            if kind[1] != _ALTERNATE_NAMES:
                continue
            for name_tag, name, _ in _elements(_only(content)):
                if name_tag == _DNS_NAME:
                    yield name.decode("ascii", "replace")
                elif name_tag == _IP_ADDRESS:
                    yield str(ip_address(name))


def public_key(der: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo, byte for byte as it is signed; empty when it is unreadable."""
    try:
        return _fields(der)[_PUBLIC_KEY_AT][2]
    except (ValueError, IndexError):
        return b""


def is_valid_for(names: Iterable[str], *, host: str) -> bool:
    """Whether one of the DNS names of a certificate is this host's; `*` stands for one whole first label.

    RFC 6125 section 6.4. Names are compared as A-labels, in any case.
    """
    wanted = host.lower().removesuffix(".")
    parent = wanted.partition(".")[2]
    return any(
        name == wanted or (name.startswith("*.") and "." in parent and name[2:] == parent)
        for name in (one.lower().removesuffix(".") for one in names)
    )


def _fields(der: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return what the signed part of a certificate holds, without its version (RFC 5280 section 4.1)."""
    return [field for field in _elements(_only(_only(der))) if field[0] != _VERSION]


def _attribute(encoded: bytes) -> str:
    (_, kind, _), (tag, value, _) = _elements(encoded)
    text = value.decode("utf-16-be" if tag == _BMP_STRING else "utf-8", "replace")
    return f"{_NAMES.get(kind, 'OID.' + kind.hex())}={text}"


def _only(encoded: bytes) -> bytes:
    """Return what the first element, a sequence, holds."""
    tag, value, _ = next(_elements(encoded), (0, b"", b""))
    if tag != _SEQUENCE:
        raise ValueError("this is not a sequence")
    return value


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield tag, content and the whole of the elements that stand side by side."""
    at = 0
    while at < len(encoded):
        start = at
        tag, length, at = encoded[at], encoded[at + 1], at + 2
        if length & _LONG_FORM:
            size = length & ~_LONG_FORM
            if not 1 <= size <= _LENGTH_BYTES:
                raise ValueError("a length that no certificate has")
            length, at = int.from_bytes(encoded[at : at + size]), at + size
        if at + length > len(encoded):
            raise ValueError("an element is longer than what holds it")
        yield tag, encoded[at : at + length], encoded[start : at + length]
        at += length
