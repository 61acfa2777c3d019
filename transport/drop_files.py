"""A directory that programs drop message files into: what is taken, when, and what becomes of the rest.

`x.eml` becomes `x.tmp` while it is read and goes when its message is on disk; what no message can be made of
becomes `x.bad` and stays (exchange.md 10.2). Whoever may write into the directory may send: it belongs to the
user of the program alone, unless an administrator opens it to a group.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

QUIET_FOR = timedelta(seconds=2)
"""A file that changed more lately may still be written."""
MOST_LOOKED_AT = 10_000
"""Names in one look: a directory full of files must not hold up its own first ones for long."""
_READABLE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BadFile(Exception):  # noqa: N818 - what was found
    """No message can be made of the file; the text says why."""


class StillWritten(Exception):  # noqa: N818 - what was found
    """The file changed while it was read."""


class Unsafe(Exception):  # noqa: N818 - what was found
    """The directory cannot be used; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A file that is ours while its message is made."""

    path: Path
    """Of `x.tmp`."""
    original: Path
    """Of `x.eml`."""
    mark: str
    """Tells this very file from every other one: a crash between commit and removal sends nothing twice."""


class DropDirectory:
    """The files of one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the directory; raises `Unsafe` where anybody may write into it, or OSError."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        if self.path.stat().st_mode & stat.S_IWOTH:
            raise Unsafe("everybody on this machine may write into it, and so send mail as anybody")

    def abandoned(self) -> Iterator[Taken]:
        """The files that somebody took and did not finish."""
        for name in list(self._names(".tmp")):
            path = self.path / name
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield Taken(path=path, original=path.with_suffix(".eml"), mark=_mark(found))

    def waiting(self, *, now: datetime) -> list[Path]:
        """The files that may be taken, the oldest first."""
        found = (self._candidate(name, now=now) for name in islice(self._names(".eml"), MOST_LOOKED_AT))
        return [path for _, path in sorted(filter(None, found))]

    def take(self, path: Path, *, most_bytes: int) -> Taken:
        """Make `x.eml` ours; raises BadFile, or OSError when it is gone."""
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise BadFile("it is no regular file")
        if found.st_nlink > 1:
            raise BadFile("it has a second name elsewhere (a hard link)")
        if found.st_size > most_bytes:
            raise BadFile(f"it has {found.st_size} bytes; {most_bytes} are allowed")
        target = path.with_suffix(".tmp")
        if os.path.lexists(target):
            raise FileExistsError(target)
        path.rename(target)
        return Taken(path=target, original=path, mark=_mark(target.lstat()))

    def read(self, taken: Taken, *, most_bytes: int) -> bytes:
        """The bytes; raises BadFile, StillWritten or OSError."""
        try:
            file = os.open(taken.path, _READABLE)
        except PermissionError:
            raise BadFile("it cannot be read by the user of this program") from None
        with os.fdopen(file, "rb") as opened:
            before = os.fstat(file)
            data = opened.read(most_bytes + 1)
            after = os.fstat(file)
        if not taken.mark == _mark(before) == _mark(after):
            raise StillWritten
        return data

    def finish(self, taken: Taken) -> None:
        """Remove the file: its message is on disk."""
        taken.path.unlink(missing_ok=True)

    def put_back(self, taken: Taken) -> None:
        """Let it be `x.eml` again, unless another one has come in its place: then it waits as it is."""
        if not os.path.lexists(taken.original):
            with suppress(FileNotFoundError):
                taken.path.rename(taken.original)

    def set_aside(self, path: Path) -> Path:
        """Make a file `x.bad`, or `x.2.bad` where there is one; returns its new path."""
        stem = os.fsencode(path.stem)[:240]
        for number in range(1, 10_000):
            middle = b"" if number == 1 else b".%d" % number
            target = self.path / os.fsdecode(stem + middle + b".bad")
            if not os.path.lexists(target):
                return path.rename(target)
        raise FileExistsError(path)

    def _names(self, suffix: str) -> Iterator[str]:
        """Names that end so, in whatever case; hidden files belong to those who write them."""
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name.lower().endswith(suffix) and not entry.name.startswith("."):
                    yield entry.name

    def _candidate(self, name: str, *, now: datetime) -> tuple[int, Path] | None:
        try:
            found = (self.path / name).lstat()
        except FileNotFoundError:
            return None
        changed_s = abs(now.timestamp() - found.st_mtime)
        if stat.S_ISREG(found.st_mode) and changed_s < QUIET_FOR.total_seconds():
            return None
        return found.st_mtime_ns, self.path / name


def _mark(found: os.stat_result) -> str:
    """The time of its last change of name or content (ctime) cannot be set by anybody, unlike the others."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_ctime_ns}:{found.st_size}"
