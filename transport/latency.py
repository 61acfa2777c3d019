"""How long the commits of one thread take, read from another one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta


class Latency:
    """The slowest since the last look, the one that is still running included."""

    def __init__(self) -> None:
        self._started_at: float | None = None
        self._worst_s = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure what is done inside; for one thread only."""
        self._started_at = time.monotonic()
        try:
            yield
        finally:
            self._worst_s = max(self._worst_s, time.monotonic() - self._started_at)
            self._started_at = None

    def take(self) -> timedelta:
        """The slowest since the last call."""
        worst_s, self._worst_s = self._worst_s, 0.0
        started_at = self._started_at
        running_s = time.monotonic() - started_at if started_at is not None else 0.0
        return timedelta(seconds=max(worst_s, running_s))
