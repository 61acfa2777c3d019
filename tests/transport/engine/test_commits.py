import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from transport.commits import BATCH_BYTES, Committer, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


@pytest.fixture
def committers():
    made: list[Committer] = []
    yield made
    for committer in made:
        committer.stop()


class Door:
    """Work that stands still at its first batch until it is opened: what comes meanwhile gathers."""

    def __init__(self, work: Callable[[Sequence[int]], Sequence[int]] = list) -> None:
        self._work = work
        self._reached = threading.Event()
        self._open = threading.Event()
        self.batches: list[int] = []

    def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(len(items))
        self._reached.set()
        self._open.wait(10)
        return self._work(items)

    def behind(self, committer: Committer, count: int) -> list:
        """Hand in `count` items while the first one, 100, is being written; returns their futures."""
        committer.submit(100)
        self._reached.wait(10)
        return [committer.submit(number) for number in range(count)]

    def open(self) -> None:
        self._open.set()


def test_items_that_come_while_others_are_written_share_one_transaction(committers):
    door = Door()
    committers.append(Committer(door, name="test"))
    futures = door.behind(committers[0], 20)
    door.open()

    assert [future.result(10) for future in futures] == list(range(20))
    assert door.batches == [1, 20]


def test_after_a_large_batch_company_is_waited_for(committers):
    door = Door()
    committers.append(Committer(door, name="test", gather=timedelta(milliseconds=200)))
    futures = door.behind(committers[0], 20)
    door.open()
    futures[-1].result(10)
    later = [committers[0].submit(number) for number in range(5)]

    assert [future.result(10) for future in later] == list(range(5))
    assert door.batches == [1, 20, 5]


def test_an_event_loop_hears_once_of_a_whole_batch(committers):
    door = Door()
    told: list[Callable[[], None]] = []
    committers.append(Committer(door, name="test", hand_back=told.append))
    door.behind(committers[0], 0)
    tickets: list[Ticket[int]] = [Ticket() for _ in range(5)]
    for number, ticket in enumerate(tickets):
        committers[0].hand_in(number, waiter=ticket)
    door.open()
    committers[0].stop()
    for tell in told:
        tell()

    assert [ticket.result() for ticket in tickets] == list(range(5))
    assert len(told) == 2


def test_one_bad_item_does_not_take_its_neighbours_with_it(committers):
    def work(items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            raise ValueError("three")
        return list(items)

    door = Door(work)
    committers.append(Committer(door, name="test"))
    futures = door.behind(committers[0], 6)
    door.open()

    assert [futures[number].result(10) for number in (0, 1, 2, 4, 5)] == [0, 1, 2, 4, 5]
    with pytest.raises(ValueError, match="three"):
        futures[3].result(10)


def test_a_database_that_comes_back_in_time_is_not_noticed(committers):
    tries: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return list(items)

    committers.append(Committer(work, name="test", patience=timedelta(seconds=10)))

    assert committers[0].submit(1).result(10) == 1
    assert len(tries) == 3


def test_what_was_handed_in_before_the_stop_is_written():
    committer = Committer(list, name="test", gather=timedelta(milliseconds=50))
    futures = [committer.submit(number) for number in range(5)]
    committer.stop()

    assert [future.result(0) for future in futures] == [0, 1, 2, 3, 4]


def test_a_database_that_stays_away_is_waited_for_once_however_many_wait(committers):
    def work(items: Sequence[int]) -> Sequence[int]:
        if 100 not in items:
            raise OperationalError("database is locked")
        return list(items)

    door = Door(work)
    committers.append(Committer(door, name="test"))
    futures = door.behind(committers[0], 20)
    door.open()

    assert {type(future.exception(10)) for future in futures} == {OperationalError}
    assert door.batches == [1, 20]


def test_who_stopped_waiting_harms_nobody(committers):
    door = Door()
    committers.append(Committer(door, name="test"))
    futures = door.behind(committers[0], 3)
    cancelled = futures[1].cancel()
    door.open()

    assert cancelled
    assert [futures[number].result(10) for number in (0, 2)] == [0, 2]
    assert door.batches == [1, 2]


def test_what_takes_time_is_done_before_the_transaction_begins(committers):
    seen: list[bool] = []

    def prepare(items: Sequence[int]) -> list[int]:
        seen.append(connection.in_atomic_block)
        return [item + 1 for item in items]

    def work(items: Sequence[int]) -> list[int]:
        seen.append(connection.in_atomic_block)
        return list(items)

    committers.append(Committer(work, name="test", prepare=prepare))

    assert committers[0].submit(6).result(10) == 7
    assert seen == [False, True]


def test_what_takes_time_is_done_after_the_transaction_and_before_anybody_is_told(committers):
    seen: list[bool] = []

    def finish(results: Sequence[int]) -> list[int]:
        seen.append(connection.in_atomic_block)
        return [result + 1 for result in results]

    committers.append(Committer(list, name="test", finish=finish))

    assert committers[0].submit(6).result(10) == 7
    assert seen == [False]


def test_what_cannot_be_finished_was_written_once_and_is_told_as_an_error(committers):
    door = Door()

    def finish(_results: Sequence[int]) -> list[int]:
        raise ValueError("cannot be read")

    committers.append(Committer(door, name="test", finish=finish))
    futures = door.behind(committers[0], 2)
    door.open()

    for future in futures:
        with pytest.raises(ValueError, match="cannot be read"):
            future.result(10)
    assert door.batches == [1, 2]


def test_large_items_go_in_small_batches(committers):
    door = Door()
    committers.append(Committer(door, name="test", bytes_of=lambda _item: BATCH_BYTES // 2))
    futures = door.behind(committers[0], 5)
    door.open()
    [future.result(10) for future in futures]

    assert door.batches == [1, 2, 2, 1]
