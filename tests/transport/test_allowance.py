"""Messages per day: any 24 hours, counted by the hour."""

from datetime import UTC, datetime, timedelta

import pytest

from transport.allowance import Allowance

NOW = datetime(2026, 11, 27, 14, 20, tzinfo=UTC)


def hour(day, of_day):
    return datetime(2026, 11, day, of_day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("by_hour", "in_hand", "left"),
    [
        ({}, 0, 100),
        ({hour(27, 14): 30}, 0, 70),
        ({hour(27, 14): 30}, 20, 50),
        # Its last messages may be less than 24 hours old.
        ({hour(26, 14): 60, hour(27, 3): 30}, 0, 10),
        ({hour(26, 13): 60, hour(27, 3): 30}, 0, 70),
        ({hour(27, 14): 100}, 0, 0),
        ({hour(27, 14): 130}, 5, 0),
    ],
)
def test_what_is_left_of_a_hundred(by_hour, in_hand, left):
    assert Allowance(limit=100, by_hour=by_hour, in_hand=in_hand).left(now=NOW) == left


def test_it_goes_on_when_all_of_the_oldest_hour_is_a_day_past():
    spent = Allowance(limit=100, by_hour={hour(26, 10): 50, hour(26, 20): 60, hour(27, 3): 40})

    assert spent.goes_on_at(now=NOW) == hour(27, 21)
    assert spent.left(now=hour(27, 20)) == 0
    assert spent.left(now=hour(27, 21)) == 60
    assert Allowance(limit=100).goes_on_at(now=NOW) is None


def test_no_24_hours_see_more_than_the_limit():
    by_hour, sent, now = {}, [], NOW
    while now < NOW + timedelta(days=4):
        left = Allowance(limit=100, by_hour=by_hour).left(now=now)
        beginning = now.replace(minute=0)
        by_hour[beginning] = by_hour.get(beginning, 0) + min(left, 7)
        sent.append((now, min(left, 7)))
        now += timedelta(minutes=10)

    assert all(
        sum(count for at, count in sent if since <= at < since + timedelta(hours=24)) <= 100
        for since, _ in sent
    )
    assert sum(count for _, count in sent) >= 350
