"""Django's SQLite backend, whose writers take turns.

SQLite lets a second writer sleep and ask again, for longer and longer: the one that asks most often wins,
and the others starve while the lock lies idle. Here a writer waits at a lock file and goes on as soon as
it is free. Who does not know of the file (another program) is still kept out by SQLite itself.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

LOOK_AGAIN_AFTER_S = 0.0002
"""Asking costs two microseconds; a greenlet that waits lets the others run."""
DEFAULT_TIMEOUT_S = 5.0
"""sqlite3's own, where the settings name none."""


class Cursor(base.SQLiteCursorWrapper):
    """Django's, that remembers how a statement reads with SQLite's marks: few of them are said very often."""

    @staticmethod
    @lru_cache(maxsize=1024)
    def _marked(query: str) -> str:
        return str(base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%"))

    def convert_query(self, query: Any, *, param_names: Any = None) -> Any:
        """As Django's."""
        if param_names is None and isinstance(query, str):
            return self._marked(query)
        return super().convert_query(query, param_names=param_names)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection; its transactions are IMMEDIATE, so every one of them is a writer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As Django's."""
        super().__init__(*args, **kwargs)
        self._turn: int | None = None

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's."""
        del name
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs leave it out
        except BaseException:
            self._pass_on()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._pass_on()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._pass_on()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._pass_on()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other writers out for a statement that no transaction may hold (a checkpoint)."""
        self._take_turn()
        try:
            yield
        finally:
            self._pass_on()

    def _take_turn(self) -> None:
        """Wait first at the door, then for the turn: who has just had one cannot overtake who waits.

        It waits no longer than SQLite would; then SQLite itself says what is wrong.
        """
        if self._turn is not None or self.is_in_memory_db():
            return
        name, options = self.settings_dict["NAME"], self.settings_dict["OPTIONS"]
        give_up = time.monotonic() + options.get("timeout", DEFAULT_TIMEOUT_S)
        door = _lock(f"{name}-door", give_up=give_up)
        try:
            self._turn = _lock(f"{name}-turn", give_up=give_up)
        finally:
            os.close(door)

    def _pass_on(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            os.close(turn)


def _lock(path: str, *, give_up: float) -> int:
    """Lock a file, or give up; closing the descriptor that comes back unlocks it, as does a crash.

    A system that has no descriptor left, or no room, is as good as a locked database: OperationalError.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperationalError(f"unable to lock the database: {error.strerror}") from error
    try:
        while not _try_lock(file) and time.monotonic() < give_up:
            time.sleep(LOOK_AGAIN_AFTER_S)
    except BaseException:
        # A greenlet that is killed here must not keep everybody else out.
        os.close(file)
        raise
    return file


def _try_lock(file: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
