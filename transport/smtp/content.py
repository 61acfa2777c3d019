"""Message content made safe for DATA: CRLF line ends, stuffed dots, one end mark (RFC 5321 2.3.8, 4.5.2)."""

from collections.abc import Iterable, Iterator

from transport.line_ends import only_crlf

BLOCK_BYTES = 64 * 1024


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content in blocks of about `BLOCK_BYTES`; the last one, never empty, holds the final dot."""
    stuffer = DotStuffer()
    ready: list[bytes] = []
    size = 0
    for piece in _pieces(chunks):
        stuffed = stuffer.feed(piece)
        ready.append(stuffed)
        size += len(stuffed)
        if size >= BLOCK_BYTES:
            yield b"".join(ready)
            ready, size = [], 0
    ready.append(stuffer.end())
    yield b"".join(ready)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) <= BLOCK_BYTES:
            yield chunk
        else:
            yield from (chunk[at : at + BLOCK_BYTES] for at in range(0, len(chunk), BLOCK_BYTES))


class DotStuffer:
    """Chunks in, wire bytes out; a chunk may end anywhere, also inside CRLF or before a dot.

    Clean content passes untouched. A bare CR or LF becomes CRLF and a NUL is dropped, before dots are looked
    at: whatever a lenient receiver takes for a line end, no line of ours is a lone dot but the last.
    """

    __slots__ = ("_held_cr", "_line_starts")

    def __init__(self) -> None:
        self._held_cr = False
        self._line_starts = True

    def feed(self, chunk: bytes) -> bytes:
        """Return the next part of the content, which may be empty."""
        if self._held_cr or not _is_clean(chunk):
            chunk = self._normalise(chunk)
        if not chunk:
            return chunk
        if b"." in chunk and b"\n." in chunk:
            chunk = chunk.replace(b"\n.", b"\n..")
        if self._line_starts and chunk[0] == ord("."):
            chunk = b"." + chunk
        self._line_starts = chunk[-1] == ord("\n")
        return chunk

    def end(self) -> bytes:
        """Return the end mark: the final dot on a line of its own."""
        if self._held_cr or not self._line_starts:
            return b"\r\n.\r\n"
        return b".\r\n"

    def _normalise(self, chunk: bytes) -> bytes:
        if self._held_cr:
            chunk = b"\r" + chunk
        chunk = chunk.replace(b"\0", b"")
        # The LF that belongs to a last CR may come with the next chunk.
        self._held_cr = chunk.endswith(b"\r")
        if self._held_cr:
            chunk = chunk[:-1]
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _is_clean(chunk: bytes) -> bool:
    """Whether every CR and LF is part of a CRLF and there is no NUL."""
    return b"\0" not in chunk and only_crlf(chunk)
