"""The subject of a certificate nobody verified: `ssl` gives such a certificate as DER bytes only.

A reader of just enough DER (X.690) for RFC 5280 section 4.1; every length is checked, nothing is followed.
"""

from collections.abc import Iterator

from transport.cleaning import clean_text

SUBJECT_LIMIT = 255

_SEQUENCE = 0x30
_VERSION = 0xA0
_SUBJECT_AT = 4
"""Serial number, signature, issuer and validity stand before it."""
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
        certificate = _only(der)
        fields = [field for field in _elements(_only(certificate)) if field[0] != _VERSION]
        names = [
            _attribute(name) for _, part in _elements(fields[_SUBJECT_AT][1]) for _, name in _elements(part)
        ]
    except (ValueError, IndexError):
        return ""
    return clean_text(", ".join(names), limit=SUBJECT_LIMIT)


def _attribute(encoded: bytes) -> str:
    (_, kind), (tag, value) = _elements(encoded)
    text = value.decode("utf-16-be" if tag == _BMP_STRING else "utf-8", "replace")
    return f"{_NAMES.get(kind, 'OID.' + kind.hex())}={text}"


def _only(encoded: bytes) -> bytes:
    """Return what the first element, a sequence, holds."""
    tag, value = next(_elements(encoded), (0, b""))
    if tag != _SEQUENCE:
        raise ValueError("this is not a sequence")
    return value


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the elements that stand side by side."""
    at = 0
    while at < len(encoded):
        tag, length, at = encoded[at], encoded[at + 1], at + 2
        if length & _LONG_FORM:
            size = length & ~_LONG_FORM
            if not 1 <= size <= _LENGTH_BYTES:
                raise ValueError("a length that no certificate has")
            length, at = int.from_bytes(encoded[at : at + size]), at + size
        if at + length > len(encoded):
            raise ValueError("an element is longer than what holds it")
        yield tag, encoded[at : at + length]
        at += length
