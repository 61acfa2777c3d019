"""How many sessions a queue gets."""

import pytest

from transport import concurrency


@pytest.mark.parametrize(("due", "sessions"), [(0, 0), (1, 1), (20, 1), (21, 2), (400, 20), (50_000, 20)])
def test_every_twenty_messages_deserve_a_session_up_to_the_limit(due, sessions):
    assert concurrency.deserved(due, most=20) == sessions


def test_a_backlog_doubles_the_sessions_and_no_more():
    steps = [1]
    while called := concurrency.helpers(50_000, sessions=steps[-1], most=20):
        steps.append(steps[-1] + called)

    assert steps == [1, 2, 4, 8, 16, 20]


def test_the_last_fifth_is_for_queues_that_have_no_session():
    def may(*, here, everywhere):
        return concurrency.may_open(here=here, everywhere=everywhere, per_queue=20, per_server=1000)

    assert may(here=1, everywhere=799)
    assert not may(here=1, everywhere=800)
    assert may(here=0, everywhere=999)
    assert not may(here=0, everywhere=1000)
    assert not may(here=20, everywhere=20)
