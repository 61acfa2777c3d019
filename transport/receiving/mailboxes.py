"""The addresses of a From, To, Cc or Bcc field (RFC 5322 section 3.4); no recursion, no guesses."""

import re
from collections.abc import Iterator

from transport.receiving.addresses import parse_path
from transport.receiving.errors import BadAddress

_TOKEN = re.compile(
    r'(?P<word>"(?:[^"\\]|\\.)*"|[^\s(),:;"<>\\]+)|(?P<angle><[^<>]*>)|(?P<space>\s+)|(?P<mark>.)', re.DOTALL
)
_COMMENT_PART = re.compile(r"[^()\\]+|\\.|[()]", re.DOTALL)


def addresses(value: bytes) -> tuple[str, ...]:
    """The addresses of a field's unfolded value, in order, groups opened. Raises BadAddress with the rule."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise BadAddress("The address is not valid UTF-8") from None
    reader = _Reader()
    for kind, token in _tokens(text):
        reader.take(kind, token)
    return reader.finish()


class _Reader:
    """Collects one mailbox after the other."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._words = ""
        """What stands outside of angle brackets."""
        self._angle: str | None = None
        self._in_group = False

    def take(self, kind: str, token: str) -> None:
        """Take the next token."""
        if kind == "mark":
            self._take_mark(token)
        elif self._angle is not None and kind != "space":
            raise BadAddress("Something follows the address without a comma")
        elif kind == "angle":
            self._angle = token
        else:
            self._words += token if kind == "word" else " "

    def finish(self) -> tuple[str, ...]:
        """Give the addresses of all that was taken."""
        if self._in_group:
            raise BadAddress("A group of addresses is not closed")
        self._end_mailbox()
        return tuple(self._found)

    def _take_mark(self, mark: str) -> None:
        if mark == ":" and self._words.strip() and self._angle is None and not self._in_group:
            self._words, self._in_group = "", True
        elif mark == ",":
            self._end_mailbox()
        elif mark == ";" and self._in_group:
            self._end_mailbox()
            self._in_group = False
        else:
            raise BadAddress(f"A {mark} stands where none belongs")

    def _end_mailbox(self) -> None:
        words = self._words.strip()
        if words or self._angle is not None:
            self._found.append(_address(f"<{words}>" if self._angle is None else self._angle))
        self._words, self._angle = "", None


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := _TOKEN.match(text, position):
        if match[0] == "(":
            position = _after_comment(text, position)
            yield "space", " "
        else:
            position = match.end()
            yield match.lastgroup or "", match[0]


def _after_comment(text: str, position: int) -> int:
    depth = 0
    while match := _COMMENT_PART.match(text, position):
        position = match.end()
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return position
    raise BadAddress("A comment is not closed")


def _address(path: str) -> str:
    address, rest = parse_path(path.encode())
    if rest or not address:
        raise BadAddress("The address is empty" if not address else "Something follows the address")
    return address
