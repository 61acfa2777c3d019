"""The dialogue of one connection, line by line."""

import itertools
import time
from collections.abc import Callable

from transport.cleaning import clean_text
from transport.protocol_log.files import LogFiles

LINES_HELD = 50
SECONDS_HELD = 1.0
"""Lines are written when so many are there, when the first of them is so old, and at the end."""
LONGEST = 2000
"""Characters of one text."""
_second: tuple[int, str] = (0, "")
"""The last second that was written out: a busy session says many things within one."""


class SessionLog:
    """Call it with each event; `begin` a new number with each connection; `close` it at the end."""

    def __init__(self, files: LogFiles, *, connector: str) -> None:
        self._files = files
        self._connector = _cell(connector)
        self._number = ""
        self._sequence = 0
        self._local = self._remote = ""
        self._lines: list[str] = []
        self._held_since = 0.0

    @property
    def number(self) -> str:
        """The number of the session, the same in all logs."""
        return self._number

    def begin(self, number: str, *, remote: str = "", local: str = "") -> None:
        """Begin the dialogue of the next connection; what follows bears its number, from 0."""
        self._number, self._sequence = number, 0
        self._local, self._remote = _cell(local), _cell(remote)

    def __call__(self, event: str, text: str, data: str = "", /) -> None:
        """Note one event: `+` connect, `-` disconnect, `>` sent, `<` received, `*` information.

        `text` is what was said; of a `+` it is the local endpoint, of `*` and `-` the context, to which
        there may be `data`.
        """
        now = time.time()
        if event == "+":
            self._local, text = _cell(text), ""
        said, context = (text, "") if event in "<>" else (data, text)
        self._lines.append(
            f"{_stamp(now)},{self._connector},{self._number},{self._sequence},{self._local},{self._remote},"
            f"{event},{_cell(said)},{_cell(context)}\r\n"
        )
        self._sequence += 1
        if len(self._lines) == 1:
            self._held_since = now
        elif len(self._lines) >= LINES_HELD or not 0 <= now - self._held_since < SECONDS_HELD:
            self.close()

    def close(self) -> None:
        """Write what is held."""
        if self._lines:
            lines, self._lines = "".join(self._lines), []
            self._files.write(lines)


def session_numbers() -> Callable[[], str]:
    """Give a source of numbers, 16 hex digits each, that no other process of this server gives."""
    run = time.time_ns() // 1_000_000
    counted = itertools.count(1)
    return lambda: f"{run & 0xFFFFFFFFFFF:011X}{next(counted) & 0xFFFFF:05X}"


def _stamp(now: float) -> str:
    global _second  # noqa: PLW0603 - a cache that any thread may replace
    whole = int(now)
    second = _second
    if second[0] != whole:
        second = _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{second[1]}.{int((now - whole) * 1000):03}Z"


def _cell(text: str) -> str:
    """One printable field of CSV, quoted where it must be."""
    if len(text) > LONGEST or not text.isprintable():
        text = clean_text(text, limit=LONGEST)
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text
