"""Messages per second of one connector: evenly spaced, whoever sends them."""

import pytest

from transport.pace import PATIENCE_S, Pace


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock)


def test_the_first_message_goes_at_once_and_the_others_one_by_one(pace):
    waits = [pace.take(session, per_second=5) for session in range(4)]

    assert waits == pytest.approx([0, 0.2, 0.4, 0.6])


def test_time_in_which_nothing_was_sent_is_not_saved_up(pace, clock):
    pace.take(1, per_second=5)
    clock.now += 3600
    waits = [pace.take(session, per_second=5) for session in range(3)]

    assert waits == pytest.approx([0, 0.2, 0.4])


@pytest.mark.parametrize("per_second", [0.1, 1, 5, 30, 500])
def test_no_second_sees_more_than_the_rate(per_second):
    clock, times = Clock(), []
    pace = Pace(clock)
    while clock.now < 130:
        while (wait := pace.take(1, per_second=per_second)) is not None:
            times.append(clock.now + wait)
        clock.now += 0.013
    most = max(1, per_second)

    assert len(times) >= 29 * per_second
    assert max(sum(at <= other < at + 0.999 for other in times) for at in times) <= most


def test_a_turn_that_is_too_far_away_is_not_taken(pace):
    assert pace.take(1, per_second=0.1) == 0
    assert pace.take(2, per_second=0.1) is None
    assert pace.take(3, per_second=0.1, patience_s=60) == pytest.approx(10)


def test_a_follower_travels_along_only_when_its_turn_is_there(pace, clock):
    pace.take(1, per_second=5)
    assert pace.take(1, per_second=5, patience_s=0) is None
    clock.now += 0.2

    assert pace.take(1, per_second=5, patience_s=0) == 0


def test_the_line_holds_no_more_sessions_than_get_their_turn_in_time(pace):
    assert pace.room(per_second=5) == 5 * PATIENCE_S
    for session in range(4):
        pace.stand(session)
    pace.take(0, per_second=5)
    pace.take(9, per_second=5)

    # Three connect, two took the turns of the next 0.4 seconds.
    assert pace.room(per_second=5) == 5 * PATIENCE_S - 5


def test_hosts_that_crawl_do_not_fill_the_line(pace, clock):
    for session in range(10):
        pace.stand(session)
    assert pace.room(per_second=5) == 0
    clock.now += PATIENCE_S + 0.1

    assert pace.room(per_second=5) == 10


def test_who_leaves_makes_room(pace):
    pace.stand(1)
    assert pace.room(per_second=0.5) == 0
    pace.step_out(1)

    assert pace.room(per_second=0.5) == 1


def test_a_slow_rate_lets_the_next_session_begin_shortly_before_its_turn(pace, clock):
    pace.take(1, per_second=0.1)
    assert pace.room(per_second=0.1) == 0
    clock.now += 8.5

    assert pace.room(per_second=0.1) == 1
