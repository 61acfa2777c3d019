from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from transport.commits import Committer, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


@pytest.fixture
def committers():
    made: list[Committer] = []
    yield made
    for committer in made:
        committer.stop()


def test_the_first_item_is_written_at_once_and_those_that_come_meanwhile_share_one_transaction(committers):
    batches: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        return [item * 2 for item in items]

    committers.append(Committer(work, name="test", gather=timedelta(milliseconds=200)))
    first = committers[0].submit(0)
    assert first.result(10) == 0
    futures = [committers[0].submit(number) for number in range(20)]

    assert [future.result(10) for future in futures] == [number * 2 for number in range(20)]
    assert batches == [1, 20]


def test_an_event_loop_hears_once_of_a_whole_batch(committers):
    told: list[Callable[[], None]] = []
    tickets: list[Ticket[int]] = [Ticket() for _ in range(5)]
    committers.append(Committer(list, name="test", gather=timedelta(milliseconds=100), hand_back=told.append))
    for number, ticket in enumerate(tickets):
        committers[0].hand_in(number, waiter=ticket)
    committers[0].stop()
    for tell in told:
        tell()

    assert [ticket.result() for ticket in tickets] == list(range(5))
    assert len(told) <= 2


def test_one_bad_item_does_not_take_its_neighbours_with_it(committers):
    def work(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return list(items)

    committers.append(Committer(work, name="test", gather=timedelta(milliseconds=100)))
    futures = [committers[0].submit(number) for number in range(6)]

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
    tries: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        tries.append(len(items))
        raise OperationalError("database is locked")

    committers.append(Committer(work, name="test", gather=timedelta(milliseconds=200)))
    committers[0].submit(-1).exception(10)
    futures = [committers[0].submit(number) for number in range(20)]

    assert {type(future.exception(10)) for future in futures} == {OperationalError}
    assert tries == [1, 20]


def test_who_stopped_waiting_harms_nobody(committers):
    committers.append(Committer(list, name="test", gather=timedelta(milliseconds=200)))
    committers[0].submit(-1).result(10)
    futures = [committers[0].submit(number) for number in range(3)]
    cancelled = futures[1].cancel()

    assert cancelled
    assert [futures[number].result(10) for number in (0, 2)] == [0, 2]
    assert committers[0].submit(3).result(10) == 3


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
