"""The files of a protocol log: `SENDyyyymmdd-n.log` and `RECVyyyymmdd-n.log`, UTF-8, times in UTC.

One process writes one file: it holds a lock on it for as long as it has it open, and another process
takes the next number. A log that cannot be written never stops mail: the trouble goes to the program's own
log, once a minute.
"""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

logger = logging.getLogger(__name__)
FIELDS = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
COMPLAIN_EVERY = timedelta(minutes=1)
_MOST_FILES_A_DAY = 100_000


class Direction(Enum):
    """Which of the two logs."""

    SEND = ("SEND", "SMTP Send Protocol Log")
    RECEIVE = ("RECV", "SMTP Receive Protocol Log")

    @property
    def prefix(self) -> str:
        """How the names of its files begin."""
        return self.value[0]

    @property
    def title(self) -> str:
        """What the head of its files says."""
        return self.value[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """Where a log is written and how much of it is kept; None is unlimited, an age of zero any age."""

    folder: Path
    max_age: timedelta = timedelta(days=30)
    max_directory_bytes: int | None = 250 * 2**20
    max_file_bytes: int | None = 10 * 2**20


class LogFiles:
    """The one writer of a log in this process; any thread or greenlet may write."""

    def __init__(self, direction: Direction, *, room: Callable[[], Room]) -> None:
        self._direction = direction
        self._room = room
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._complained_at = float("-inf")

    def write(self, lines: str) -> None:
        """Append whole lines; never raises."""
        with self._lock:
            try:
                self._append(lines.encode("utf-8", "replace"))
            except (OSError, ValueError) as error:
                self._close()
                self._complain(error)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _append(self, data: bytes) -> None:
        room, now = self._room(), datetime.now(UTC)
        if self._file is None or not self._file.takes(room, now=now):
            self._close()
            self._file = _opened(self._direction, room, now=now)
            retire(self._direction, room, now=now, spare=self._file.path)
        self._file.append(data)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained_at >= COMPLAIN_EVERY.total_seconds():
            self._complained_at = time.monotonic()
            fields = {"log": self._direction.prefix, "reason": str(error)}
            logger.error("protocol_log_not_written", extra=fields)


class _File:
    """An open file, locked."""

    def __init__(self, path: Path, descriptor: int, *, day: str) -> None:
        self.path = path
        self._descriptor = descriptor
        self._day = day
        self._size_bytes = os.fstat(descriptor).st_size

    @property
    def empty(self) -> bool:
        """Whether nothing stands in it, not even a head."""
        return not self._size_bytes

    def takes(self, room: Room, *, now: datetime) -> bool:
        """Whether the next line belongs here: the day, the folder, the size, and nobody deleted it."""
        return (
            f"{now:%Y%m%d}" == self._day
            and self.path.parent == room.folder
            and (room.max_file_bytes is None or self._size_bytes < room.max_file_bytes)
            and os.fstat(self._descriptor).st_nlink > 0
        )

    def append(self, data: bytes) -> None:
        """Write all of it or nothing: half a line would spoil the next. Raises OSError."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            if written:
                os.ftruncate(self._descriptor, self._size_bytes)
            raise
        self._size_bytes += written

    def close(self) -> None:
        """Close, and unlock."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def _opened(direction: Direction, room: Room, *, now: datetime) -> _File:
    """Open the newest file of the day that has room and that no other process has, or make the next."""
    room.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    day = f"{now:%Y%m%d}"
    newest = max((number for number, _ in _numbered(direction, room.folder, day=day)), default=1)
    for number in range(newest, newest + _MOST_FILES_A_DAY):
        path = room.folder / f"{direction.prefix}{day}-{number}.log"
        file = _locked(path, day=day)
        if file is None:
            continue
        if not file.takes(room, now=now):
            file.close()
            continue
        if file.empty:
            file.append(head(direction, now=now))
        return file
    raise OSError(f"{room.folder} holds {_MOST_FILES_A_DAY} files of one day")


def _locked(path: Path, *, day: str) -> _File | None:
    """Open a file that no other process holds; None when one does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return _File(path, descriptor, day=day)


def head(direction: Direction, *, now: datetime) -> bytes:
    """Exchange's head, with a byte order mark."""
    lines = (
        "\ufeff#Software: Mail Flow Admin Center",
        "#Version: 15.0.0.0",
        f"#Log-type: {direction.title}",
        f"#Date: {now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}",
        f"#Fields: {FIELDS}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def files(direction: Direction, folder: Path) -> list[Path]:
    """Give the files of a log, the oldest first; none when the folder cannot be read."""
    return [path for _, path in sorted(_numbered(direction, folder), key=lambda one: (one[1].name[:12], one))]


def _numbered(direction: Direction, folder: Path, *, day: str = "") -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob(f"{direction.prefix}{day}*-*.log"):
        digits = path.stem.rpartition("-")[2]
        if digits.isdecimal():
            found.append((int(digits), path))
    return found


def retire(direction: Direction, room: Room, *, now: datetime, spare: Path | None = None) -> None:
    """Delete what is too old, then the oldest while the folder is too large; never `spare`."""
    kept: list[tuple[Path, int]] = []
    for path in files(direction, room.folder):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            if (
                room.max_age
                and path != spare
                and now.timestamp() - stat.st_mtime > room.max_age.total_seconds()
            ):
                path.unlink()
            else:
                kept.append((path, stat.st_size))
    total = sum(size for _, size in kept)
    for path, size in kept:
        if room.max_directory_bytes is None or total <= room.max_directory_bytes:
            return
        if path != spare:
            path.unlink(missing_ok=True)
            total -= size
