"""The replies of a host, read from bytes that come in any pieces: bounded, and cleaned before use."""

import re
from collections.abc import Sequence

from transport.cleaning import clean_text
from transport.smtp.errors import OutOfStep

LINE_LIMIT_BYTES = 2048
LINE_LIMIT = 100
REPLY_LIMIT_BYTES = 64 * 1024
TEXT_LIMIT = 512

_CODES = {str(code).encode(): code for code in range(200, 600)}
_SEPARATORS = (b" ", b"-")
_ENHANCED = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])[ \t]*")


class HostReply:
    """One complete reply (RFC 5321 section 4.2); raw text never leaves it uncleaned."""

    __slots__ = ("_lines", "code")

    def __init__(self, code: int, lines: list[bytes]) -> None:
        self.code = code
        self._lines = lines

    @property
    def positive(self) -> bool:
        """Whether the code is 2yz."""
        return self.code < 300  # noqa: PLR2004 - codes below 200 never get here

    @property
    def intermediate(self) -> bool:
        """Whether the code is 3yz."""
        return self.code // 100 == 3  # noqa: PLR2004 - the first digit decides, RFC 5321 section 4.2.1

    @property
    def refusal(self) -> bool:
        """Whether the code is 4yz or 5yz."""
        return self.code >= 400  # noqa: PLR2004 - codes above 599 never get here

    @property
    def enhanced(self) -> str:
        """`x.y.z` (RFC 3463); empty when there is none or its class contradicts the code (RFC 2034)."""
        found = _ENHANCED.match(self._lines[0])
        if found is None or int(found[1]) != self.code // 100:
            return ""
        return ".".join(str(int(part)) for part in found.groups())

    @property
    def text(self) -> str:
        """All lines as one, cleaned, without the enhanced code, at most `TEXT_LIMIT` characters."""
        lines = self._lines
        if self.enhanced:
            lines = [_strip_enhanced(line, of_class=self.code // 100) for line in lines]
        return clean_text(b" ".join(lines), limit=TEXT_LIMIT)

    @property
    def lines(self) -> list[str]:
        """Each line cleaned, with its code, as a protocol log shows it."""
        last = len(self._lines) - 1
        return [
            f"{self.code}{' ' if at == last else '-'}{clean_text(raw, limit=TEXT_LIMIT)}"
            for at, raw in enumerate(self._lines)
        ]

    @property
    def keywords(self) -> list[str]:
        """The lines after the first, cleaned: the extensions in an answer to EHLO."""
        return [clean_text(raw, limit=TEXT_LIMIT) for raw in self._lines[1:]]

    def without(self, secrets: Sequence[bytes]) -> "HostReply":
        """Return the reply with everything secret that the host echoes replaced."""
        hidden = [re.escape(secret) for secret in secrets if secret]
        if not hidden:
            return self
        pattern = re.compile(b"|".join(hidden))
        return HostReply(self.code, [pattern.sub(b"*****", raw) for raw in self._lines])


class ReplyReader:
    """Takes bytes, gives replies. Holds at most `REPLY_LIMIT_BYTES` and what one read brought."""

    __slots__ = ("_at", "_buffer", "_code", "_lines", "_size")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._code = 0
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def unread(self) -> bool:
        """Whether bytes came after the last complete reply: nobody asked for them."""
        return self._at < len(self._buffer) or bool(self._lines)

    def feed(self, data: bytes) -> None:
        """Take what came from the wire; call `next` until it gives None before feeding more."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def next(self) -> HostReply | None:
        """Return the next complete reply, None if more bytes are needed.

        Raises OutOfStep on garbage, mixed codes, a code outside 200 to 599 and on every bound.
        """
        while (end := self._buffer.find(b"\n", self._at)) >= 0:
            line = self._buffer[self._at : end].removesuffix(b"\r")
            self._at = end + 1
            if self._take(line):
                return self._finish()
        if len(self._buffer) - self._at >= LINE_LIMIT_BYTES:
            self._take(self._buffer[self._at :])
        return None

    def _take(self, line: bytes) -> bool:
        """Add one line; return whether it ends the reply."""
        code = _CODES.get(line[:3], 0)
        if not code or line[3:4].isdigit():
            raise OutOfStep(f'"{clean_text(line, limit=80)}" is not an SMTP reply')
        if self._lines and code != self._code:
            raise OutOfStep(f"one reply holds the codes {self._code} and {code}")
        self._code = code
        self._lines.append(line[4 if line[3:4] in _SEPARATORS else 3 : LINE_LIMIT_BYTES])
        self._size += len(line) + 2
        self._check_bounds(len(line) + 2)
        return line[3:4] != b"-"

    def _check_bounds(self, line_bytes: int) -> None:
        if line_bytes > LINE_LIMIT_BYTES:
            reason = f"a reply line is longer than {LINE_LIMIT_BYTES} bytes"
        elif len(self._lines) > LINE_LIMIT:
            reason = f"a reply has more than {LINE_LIMIT} lines"
        elif self._size > REPLY_LIMIT_BYTES:
            reason = f"a reply is longer than {REPLY_LIMIT_BYTES} bytes"
        else:
            return
        raise OutOfStep(reason, so_far=self._finish())

    def _finish(self) -> HostReply:
        reply = HostReply(self._code, self._lines)
        self._lines = []
        self._size = 0
        return reply


def _strip_enhanced(line: bytes, *, of_class: int) -> bytes:
    found = _ENHANCED.match(line)
    return line[found.end() :] if found and int(found[1]) == of_class else line
