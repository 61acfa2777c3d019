"""When a server takes no more mail, as a rule (exchange.md 10.3)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.back_pressure import (
    Level,
    Pressure,
    Reading,
    Resource,
    Thresholds,
    Watch,
    disk_thresholds,
    next_level,
    queue_thresholds,
)
from transport.latency import Latency

N, M, H = Level.NORMAL, Level.MEDIUM, Level.HIGH
AT = Thresholds(normal=94, medium=96, high=98)
GIB = 1024**3


def reading(value, thresholds=AT):
    return Reading(resource=Resource.DISK, value=value, thresholds=thresholds)


@pytest.mark.parametrize(
    ("level", "value", "after"),
    [
        (N, 0, N), (N, 94, N), (N, 95.9, N), (N, 96, M), (N, 97.9, M), (N, 98, H), (N, 100, H),
        (M, 93.9, N), (M, 94, M), (M, 96, M), (M, 97.9, M), (M, 98, H),
        (H, 93.9, N), (H, 94, M), (H, 95.9, M), (H, 96, H), (H, 98, H),
    ],
)  # fmt: skip
def test_a_level_rises_at_its_threshold_and_falls_below_the_one_beneath(level, value, after):
    assert next_level(level, reading=reading(value)) is after


@given(st.sampled_from(Level), st.floats(0, 100))
def test_the_same_value_twice_changes_the_level_once(level, value):
    once = next_level(level, reading=reading(value))

    assert next_level(once, reading=reading(value)) is once


def test_exchanges_formula_keeps_500_mb_of_a_large_disk_free():
    thresholds = disk_thresholds(98 * GIB)

    assert thresholds.high == pytest.approx(99.5, abs=0.01)
    assert thresholds.medium == pytest.approx(thresholds.high - 2)
    assert thresholds.normal == pytest.approx(thresholds.high - 4)


def test_of_a_small_disk_a_tenth_is_kept_free():
    assert disk_thresholds(64 * 1024**2).high == pytest.approx(90, abs=0.001)
    assert disk_thresholds(1).high > 0


def test_a_backlog_of_the_limit_is_high_and_without_a_limit_nothing_is():
    assert queue_thresholds(1000) == Thresholds(normal=800, medium=900, high=1000)
    assert next_level(N, reading=reading(10**12, queue_thresholds(None))) is N


def test_one_slow_commit_is_no_pressure_but_three_looks_in_a_row_are():
    watch = Watch(patience=3)

    assert [watch.judge(reading(value)) for value in (99, 0, 99, 99)] == [N, N, N, N]
    assert watch.judge(reading(99)) is H
    assert [watch.judge(reading(value)) for value in (0, 0, 0)] == [H, H, N]


@pytest.mark.parametrize(
    ("level", "insider", "refused"),
    [
        (N, True, False),
        (N, False, False),
        (M, True, False),
        (M, False, True),
        (H, True, True),
        (H, False, True),
    ],
)
def test_medium_refuses_strangers_and_high_everybody(level, insider, refused):
    pressure = Pressure()
    pressure.level = level

    assert pressure.refuses(insider=lambda: insider) is refused


def test_a_commit_that_never_ends_is_seen_while_it_runs():
    latency = Latency()
    with latency.measured():
        time.sleep(0.02)

        assert latency.take().total_seconds() >= 0.02
    assert latency.take().total_seconds() >= 0.02
    assert latency.take().total_seconds() == 0
