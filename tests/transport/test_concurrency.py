"""How many sessions a queue gets, and which limit it is told of."""

import pytest

from transport import concurrency
from transport.concurrency import Hold, Limits, Standing, connection_holds, decide


@pytest.mark.parametrize(("due", "sessions"), [(0, 0), (1, 1), (20, 1), (21, 2), (400, 20), (50_000, 20)])
def test_every_twenty_messages_deserve_a_session_up_to_the_limit(due, sessions):
    assert concurrency.deserved(due, most=20) == sessions


def test_a_backlog_doubles_the_sessions_and_no_more():
    steps = [1]
    while called := concurrency.helpers(50_000, sessions=steps[-1], most=20):
        steps.append(steps[-1] + called)

    assert steps == [1, 2, 4, 8, 16, 20]


@pytest.mark.parametrize(
    ("wanted", "rooms", "sessions", "said"),
    [
        (3, {"a": 10, "b": 5}, 3, None),
        (5, {"a": 10, "b": 5}, 5, None),
        (6, {"a": 10, "b": 5}, 5, "b"),
        (1, {"a": 0, "b": 5}, 0, "a"),
        (1, {"a": -3, "b": 5}, 0, "a"),
        (0, {"a": 0, "b": 0}, 0, None),
        (-2, {"a": 1, "b": 1}, 0, None),
    ],
)
def test_the_tightest_limit_decides_and_is_named(wanted, rooms, sessions, said):
    decision = decide(wanted, [Hold(room=room, said=name) for name, room in rooms.items()])

    assert decision.sessions == sessions
    assert (decision.held_back_by and decision.held_back_by.said) == said


def test_a_limit_of_messages_also_holds_back_a_queue_that_has_its_sessions():
    holds = [Hold(room=5, said="5 connections"), Hold(room=0, said="1 message per second", of_messages=True)]

    assert decide(0, holds).held_back_by is holds[1]


def may(*, here, everywhere, attended=None):
    standing = Standing(
        here=here, everywhere=everywhere, attended=everywhere if attended is None else attended
    )
    return bool(decide(1, connection_holds(standing, limits=Limits())).sessions)


def test_the_last_fifth_is_for_queues_that_have_no_session():
    assert may(here=1, everywhere=799)
    assert not may(here=1, everywhere=800)
    assert may(here=0, everywhere=999)
    assert not may(here=0, everywhere=1000)
    assert not may(here=20, everywhere=20)


def test_no_more_than_two_fifths_are_second_and_further_sessions_of_a_queue():
    assert may(here=1, everywhere=500, attended=101)
    assert not may(here=1, everywhere=500, attended=100)
    assert may(here=0, everywhere=900, attended=500)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(here=20, everywhere=20), "20 connections"),
        (Standing(here=1, everywhere=900, attended=900), "its share of the server's 1,000 connections"),
        (Standing(here=0, everywhere=1000, attended=900), "the server's 1,000 connections"),
        (
            Standing(here=1, everywhere=1, failed=True),
            "one connection: the next hop failed and is being probed",
        ),
    ],
)
def test_a_queue_is_told_which_connections_are_used_up(standing, said):
    assert decide(1, connection_holds(standing, limits=Limits())).held_back_by.said == said
