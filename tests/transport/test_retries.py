"""The schedule of exchange.md section 7."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.envelope import Priority
from transport.retries import (
    Schedule,
    delay_timeouts,
    expires_at,
    is_expired,
    next_message_retry,
    next_queue_retry,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(1, 1), (2, 1), (3, 1), (4, 1), (5, 5), (6, 5), (9, 5), (10, 5), (11, 10), (12, 10), (1000, 10)],
)
def test_a_queue_waits_longer_the_longer_its_next_hop_is_dead(failures, minutes):
    assert next_queue_retry(Schedule(), failures=failures, now=NOW) == NOW + minutes * MINUTE


def test_a_dead_next_hop_is_dialled_for_two_days_in_exchanges_rhythm():
    schedule = Schedule()
    dialled_after = []
    now, failures = NOW, 0
    while not is_expired(schedule, NOW, now=now):
        dialled_after.append((now - NOW) // MINUTE)
        failures += 1
        now = next_queue_retry(schedule, failures=failures, now=now)

    assert dialled_after[:14] == [0, 1, 2, 3, 4, 9, 14, 19, 24, 29, 34, 44, 54, 64]
    assert {b - a for a, b in pairwise(dialled_after[10:])} == {10}
    assert dialled_after[-1] == 2874
    assert len(dialled_after) == 295


def test_without_glitch_retries_the_transient_ones_come_first():
    schedule = Schedule(queue_glitch_retry_count=0, transient_failure_retry_count=1)

    waits = [next_queue_retry(schedule, failures=failures, now=NOW) - NOW for failures in (1, 2)]

    assert waits == [5 * MINUTE, 10 * MINUTE]


def test_with_all_counts_zero_the_slow_beat_starts_at_once():
    schedule = Schedule(queue_glitch_retry_count=0, transient_failure_retry_count=0)

    assert next_queue_retry(schedule, failures=1, now=NOW) == NOW + 10 * MINUTE


@pytest.mark.parametrize("retries", [1, 2, 500])
def test_a_message_that_was_put_off_waits_five_minutes_each_time(retries):
    assert next_message_retry(Schedule(), retries=retries, now=NOW) == NOW + 5 * MINUTE


@pytest.mark.parametrize(
    ("age", "expired"),
    [
        (timedelta(0), False),
        (timedelta(days=2) - timedelta(microseconds=1), False),
        (timedelta(days=2), True),
        (timedelta(days=400), True),
    ],
)
def test_a_message_expires_two_days_after_it_was_received(age, expired):
    assert expires_at(Schedule(), NOW) == NOW + timedelta(days=2)
    assert is_expired(Schedule(), NOW, now=NOW + age) is expired


def test_a_clock_that_was_set_back_ends_nothing_and_retries_still_lie_ahead():
    before = NOW - timedelta(days=30)

    assert not is_expired(Schedule(), NOW, now=before)
    assert next_queue_retry(Schedule(), failures=3, now=before) == before + MINUTE
    assert next_message_retry(Schedule(), retries=3, now=before) == before + 5 * MINUTE


@given(failures=st.integers(1, 10_000), seconds=st.integers(-(10**9), 10**9))
def test_a_retry_always_lies_ahead_and_never_comes_sooner_than_after_fewer_failures(failures, seconds):
    now = NOW + timedelta(seconds=seconds)
    retry = next_queue_retry(Schedule(), failures=failures, now=now)

    assert now < retry <= next_queue_retry(Schedule(), failures=failures + 1, now=now)


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_that_misses_the_failed_attempt_is_refused(count):
    with pytest.raises(ValueError, match="failures: "):
        next_queue_retry(Schedule(), failures=count, now=NOW)
    with pytest.raises(ValueError, match="retries: "):
        next_message_retry(Schedule(), retries=count, now=NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queue_glitch_retry_count", 16),
        ("transient_failure_retry_count", -1),
        ("queue_glitch_retry_interval", timedelta(0)),
        ("transient_failure_retry_interval", timedelta(hours=13)),
        ("outbound_connection_failure_retry_interval", timedelta(days=21)),
        ("message_retry_interval", timedelta(0)),
        ("message_expiration_timeout", timedelta(days=91)),
        ("delay_notification_timeout", timedelta(days=31)),
        ("queue_max_idle_time", timedelta(seconds=4)),
    ],
)
def test_a_value_outside_exchanges_range_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"^{field}: .* is not between "):
        Schedule(**{field: value})


@pytest.mark.parametrize(
    ("priority", "lifetime", "notice"),
    [
        (Priority.HIGH, timedelta(hours=8), timedelta(minutes=30)),
        (Priority.NORMAL, timedelta(days=2), timedelta(hours=4)),
        (Priority.LOW, timedelta(days=2), timedelta(hours=8)),
    ],
)
def test_each_priority_has_its_own_lifetime_and_delay_notice(priority, lifetime, notice):
    assert expires_at(Schedule(), NOW, priority=priority) == NOW + lifetime
    assert delay_timeouts(Schedule())[priority] == notice
