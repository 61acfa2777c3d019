"""Which message a worker process has in its hand, written where it outlives a `kill -9`.

The number of the message stands in a file that is mapped into memory: a write costs no system call, and the
kernel keeps what a dead process wrote. A process sends many messages side by side but works at one of them
at a time; the number changes with every switch between sessions, and is 0 while all of them wait for the
network. So a message is blamed for a crash only when the process died while it worked at just this one, and
who kills a worker during normal work hits, nearly always, none.
"""

import logging
import mmap
import os
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import greenlet

logger = logging.getLogger(__name__)
_NUMBER = struct.Struct("<q")
_files: list["_File"] = []
"""The file of this process, at most one."""


class _File:
    """Eight bytes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_NUMBER.pack(0))
        with path.open("r+b") as opened:
            self._bytes = mmap.mmap(opened.fileno(), _NUMBER.size)
        self._shown = 0

    def show(self, queued_id: int) -> None:
        if queued_id != self._shown:
            self._shown = queued_id
            _NUMBER.pack_into(self._bytes, 0, queued_id)


def begin(folder: Path, *, worker: str) -> None:
    """Keep the file of this process from now on; `worker` is the name of this run.

    Without room for it mail flows all the same, and no message is blamed for a crash.
    """
    try:
        _files[:] = [_File(folder / f"{os.getpid()}-{worker}")]
    except OSError as error:
        logger.warning("message_in_hand_not_noted", extra={"reason": str(error)})
        return
    greenlet.settrace(_switched)


def _switched(_event: str, between: tuple[Any, Any]) -> None:
    """Show the message of the session that runs now; costs a third of a microsecond."""
    if _files:
        _files[0].show(vars(between[1]).get("in_hand", 0))


class Holding:
    """`with Holding(queued_id):` around the work at one message of a session."""

    __slots__ = ("_queued_id", "_session")

    def __init__(self, queued_id: int) -> None:
        self._queued_id = queued_id
        self._session: Any = greenlet.getcurrent()

    def __enter__(self) -> Self:
        self._put(self._queued_id)
        return self

    def __exit__(self, *_error: object) -> None:
        self._put(0)

    def _put(self, queued_id: int) -> None:
        self._session.in_hand = queued_id
        if _files:
            _files[0].show(queued_id)


def left_by(folder: Path, *, worker: str) -> int:
    """Give the message that a dead process had in its hand, 0 if none or unknown."""
    for path in folder.glob(f"*-{worker}"):
        with suppress(OSError, struct.error):
            return int(_NUMBER.unpack(path.read_bytes())[0])
    return 0


def clear(folder: Path, *, keep: Collection[str]) -> None:
    """Remove the files of processes that are gone, but for the workers that somebody will still ask about."""
    for path in folder.glob("*-*"):
        process_id, _, worker = path.name.partition("-")
        if worker not in keep and not Path(f"/proc/{process_id}").exists():
            path.unlink(missing_ok=True)
