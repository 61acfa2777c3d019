"""Group commit: what parallel sessions want written shares one transaction and one flush to disk."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from transport.latency import Latency

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")
Written_contra = TypeVar("Written_contra", contravariant=True)
FEW = 3
"""Items; larger batches show that there is much to write, and that sharing a flush pays."""
BATCH_BYTES = 8 * 1024 * 1024
"""A tenth of a second of writing."""
TRANSIENT = (OperationalError, InterfaceError)
"""The database is locked, restarting or gone: the same items may succeed later."""


class Waiter(Protocol[Written_contra]):
    """Who waits for an item: a future of `concurrent.futures`, one of asyncio, or the like of them."""

    def cancelled(self) -> bool:
        """Whether nobody waits any more: then the item is not written."""

    def set_result(self, result: Written_contra, /) -> None:
        """Hear that the item is on disk."""

    def set_exception(self, error: BaseException, /) -> None:
        """Hear why it is not."""


class Ticket(Generic[Result]):
    """The lightest waiter: one thread, or greenlet, waits once."""

    __slots__ = ("_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self._error: BaseException | None = None

    def cancelled(self) -> bool:
        """Never: what is handed in for a ticket is written."""
        return False

    def set_result(self, result: Result) -> None:
        """As a future's."""
        self._result = result
        self._done.release()

    def set_exception(self, error: BaseException) -> None:
        """As a future's."""
        self._error = error
        self._done.release()

    @property
    def ready(self) -> bool:
        """Whether `result` would not wait."""
        return not self._done.locked()

    def result(self) -> Result:
        """Wait for the commit; raises what stopped it."""
        self._done.acquire()
        self._done.release()
        if self._error is not None:
            raise self._error
        return self._result


@dataclass(frozen=True, slots=True)
class _Wanted(Generic[Item, Result]):
    item: Item
    waiter: Waiter[Result]


def _at_once(tell: Callable[[], None]) -> None:
    tell()


def _no_bytes(_item: Item) -> int:
    return 0


def _as_they_are(items: Sequence[Item]) -> Sequence[Item]:
    return items


class Committer(Generic[Item, Result]):
    """A thread of its own that writes batches; who waits for an item hears of it after the commit.

    `work` gets the items of one batch inside one transaction and returns a result for each, in order.
    An item that fails is tried alone, so that one bad item never takes its neighbours with it.
    """

    def __init__(  # noqa: PLR0913 - what makes the committers of listener and worker differ
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        name: str,
        gather: timedelta = timedelta(0),
        most: int = 200,
        bytes_of: Callable[[Item], int] = _no_bytes,
        patience: timedelta = timedelta(0),
        prepare: Callable[[Sequence[Item]], Sequence[Item]] = _as_they_are,
        finish: Callable[[Sequence[Result]], Sequence[Result]] = _as_they_are,
        hand_back: Callable[[Callable[[], None]], object] = _at_once,
    ) -> None:
        """Start the thread.

        `gather`: the rest after a batch of more than `FEW`, in which company comes for the next one; where
        little is written, everybody is served at once. A batch ends with `most` items, or once they have more
        than `BATCH_BYTES` (`bytes_of` each): other writers wait for it. `patience`: for a lost database.
        `prepare` does what takes time before the transaction begins, `finish` what does after it. `hand_back`
        runs what tells the waiters of one batch where they live: an event loop passes `call_soon_threadsafe`.
        """
        self._work = work
        self._gather_s = gather.total_seconds()
        self._most = most
        self._bytes_of = bytes_of
        self._patience_s = patience.total_seconds()
        self._prepare = prepare
        self._finish = finish
        self._hand_back = hand_back
        self.latency = Latency()
        self._rests_until = 0.0
        self._wanted: queue.SimpleQueue[_Wanted[Item, Result] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> "Future[Result]":
        """Hand in one item; the future carries its result or the error that stopped it."""
        future: Future[Result] = Future()
        self.hand_in(item, waiter=future)
        return future

    def hand_in(self, item: Item, *, waiter: Waiter[Result]) -> None:
        """Hand in one item for somebody who is told through `hand_back`."""
        self._wanted.put(_Wanted(item, waiter))

    def stop(self, *, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Write what was handed in, then end the thread."""
        self._wanted.put(None)
        self._thread.join(timeout.total_seconds())

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            # Who stopped waiting gets nothing written.
            if wanted := [one for one in batch if not one.waiter.cancelled()]:
                with self.latency.measured():
                    self._write(wanted)
            if len(wanted) > FEW:
                self._rests_until = time.monotonic() + self._gather_s
        connection.close()

    def _next_batch(self) -> list[_Wanted[Item, Result]] | None:
        first = self._wanted.get()
        if first is None:
            return None
        rest_s = self._rests_until - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)
        batch, size_bytes = [first], self._bytes_of(first.item)
        while len(batch) < self._most and size_bytes < BATCH_BYTES:
            try:
                wanted = self._wanted.get_nowait()
            except queue.Empty:
                break
            if wanted is None:
                self._wanted.put(None)
                break
            batch.append(wanted)
            size_bytes += self._bytes_of(wanted.item)
        return batch

    def _write(self, batch: list[_Wanted[Item, Result]]) -> None:
        try:
            results = self._patiently(lambda: self._commit(batch), items=len(batch))
        except Exception as error:  # noqa: BLE001 - every waiter must get its answer
            self._write_alone(batch, error=error)
            return
        try:
            finished = self._patiently(lambda: self._finish(results), items=len(batch))
        except Exception as error:  # noqa: BLE001 - as above; it is on disk, and must not be written again
            self._give_up(batch, error=error)
            return
        self._hand_back(lambda: _tell(batch, finished))

    def _write_alone(self, batch: list[_Wanted[Item, Result]], *, error: Exception) -> None:
        # A database that is gone is gone for all of them: waiting for it once is enough.
        if len(batch) == 1 or isinstance(error, TRANSIENT):
            self._give_up(batch, error=error)
            return
        for wanted in batch:
            self._write([wanted])

    def _give_up(self, batch: list[_Wanted[Item, Result]], *, error: Exception) -> None:
        logger.error("commit_failed", extra={"committer": self._thread.name}, exc_info=error)
        self._hand_back(lambda: _refuse(batch, error))

    def _commit(self, batch: list[_Wanted[Item, Result]]) -> Sequence[Result]:
        items = self._prepare([wanted.item for wanted in batch])
        with transaction.atomic():
            return self._work(items)

    def _patiently(self, step: Callable[[], Sequence[Result]], *, items: int) -> Sequence[Result]:
        give_up, told = time.monotonic() + self._patience_s, False
        while True:
            try:
                return step()
            except TRANSIENT as error:
                connection.close()
                if time.monotonic() >= give_up:
                    raise
                if not told:
                    told = True
                    fields = {"committer": self._thread.name, "items": items, "reason": str(error)}
                    logger.warning("commit_waits_for_the_database", extra=fields)
                time.sleep(0.2)


# Who stops waiting at the last moment is not told; what he wanted is written all the same.


def _tell(batch: Sequence[_Wanted[Item, Result]], results: Sequence[Result]) -> None:
    for wanted, result in zip(batch, results, strict=True):
        with contextlib.suppress(InvalidStateError):
            wanted.waiter.set_result(result)


def _refuse(batch: Sequence[_Wanted[Item, Result]], error: Exception) -> None:
    for wanted in batch:
        with contextlib.suppress(InvalidStateError):
            wanted.waiter.set_exception(error)
