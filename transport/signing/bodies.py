"""The hash of a body in relaxed canonical form (RFC 6376 section 3.4.4), in pieces.

A pattern over a large body would keep every other thread waiting; hashing gives way between pieces.
"""

import hashlib
from collections.abc import Iterator

PIECE_BYTES = 256 * 1024


def body_hash(content: bytes, *, start: int) -> bytes:
    """Give the SHA-256 of the body that begins at `start`; line ends are CRLF.

    A last line without its line end counts as if it had one: it gets one on the wire.
    """
    digest, held, is_empty = hashlib.sha256(), b"", True
    for piece in _pieces(content, start=start):
        relaxed = _relaxed(piece)
        kept = relaxed.rstrip(b"\r\n")
        # Empty lines count only when something follows.
        if kept:
            digest.update(held + kept)
            held, is_empty = b"", False
        held += relaxed[len(kept) :]
    if not is_empty:
        digest.update(b"\r\n")
    return digest.digest()


def _pieces(content: bytes, *, start: int) -> Iterator[bytes]:
    """Cut at line ends only: no run of blanks and no CRLF is torn apart."""
    while start < len(content):
        end = content.find(b"\r\n", start + PIECE_BYTES) + 2
        if end < 2:  # noqa: PLR2004 - nothing found
            rest = content[start:]
            yield rest if rest.endswith(b"\r\n") else rest + b"\r\n"
            return
        yield content[start:end]
        start = end


def _relaxed(piece: bytes) -> bytes:
    """Squeeze runs of blanks, drop those at the ends of lines."""
    if b"\t" in piece:
        piece = piece.replace(b"\t", b" ")
    while b"  " in piece:
        piece = piece.replace(b"  ", b" ")
    return piece.replace(b" \r\n", b"\r\n")
