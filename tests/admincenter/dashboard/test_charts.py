"""Where a chart puts its lines and labels."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from admincenter.dashboard.charts import Point, Reading, Tick, draw, path, points, round_step, said

NINE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def series(*values, start=NINE, width=MINUTE):
    return [Point(start + place * width, value, value) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("highest", "step"),
    [(0, 1), (0.3, 1), (1, 1), (5, 1), (6, 2), (10, 2), (11, 5), (25, 5), (26, 10), (100, 20), (101, 50),
     (501, 200), (123_456, 50_000)],
)  # fmt: skip
def test_the_lines_of_the_grid_are_round_and_few(highest, step):
    assert round_step(highest) == step


def test_the_vertical_axis_begins_at_nothing_and_holds_the_highest_value():
    chart = draw(series(0, 2501), zone=UTC, label_every=MINUTE)

    assert chart.rows == (
        Tick(100, "0", "end"),
        Tick(66.67, "1,000", "end"),
        Tick(33.33, "2,000", "end"),
        Tick(0, "3,000", "end"),
    )


def test_labels_of_time_stand_where_the_clock_of_the_reader_is_round():
    quarter_past = timezone(timedelta(hours=5, minutes=45))
    hour = series(*[1] * 60, start=NINE + 7 * MINUTE)

    at_home = draw(hour, zone=UTC, label_every=10 * MINUTE).columns
    in_kathmandu = draw(hour, zone=quarter_past, label_every=10 * MINUTE).columns

    assert [tick.label for tick in at_home] == ["09:10", "09:20", "09:30", "09:40", "09:50", "10:00"]
    assert in_kathmandu[0].label == "15:00"
    assert at_home[0].place == pytest.approx(5.08)


def test_a_label_at_an_end_leans_inwards():
    columns = draw(series(*[0] * 61), zone=UTC, label_every=30 * MINUTE).columns

    assert [(tick.place, tick.anchor) for tick in columns] == [(0, "start"), (50, "middle"), (100, "end")]


@pytest.mark.parametrize(
    ("values", "top", "expected"),
    [
        ([0, 5, 10], 10, "M0 1000L500 500L1000 0"),
        ([0, None, 10], 10, "M-5 1000h10M995 0h10"),
        ([0, 0, None, 10, 10], 10, "M0 1000L250 1000M750 0L1000 0"),
        ([None, None], 1, ""),
        ([], 1, ""),
        ([1], 1, "M-5 0h10"),
    ],
)
def test_a_line_is_broken_where_nothing_was_recorded(values, top, expected):
    assert path(values, top=top) == expected


def test_a_point_is_the_mean_of_the_minutes_that_are_known():
    readings = [Reading(NINE, 4, 0), Reading(NINE + MINUTE, 8, 1), Reading(NINE + 15 * MINUTE, 3, 3)]
    found = list(points(readings, start=NINE, end=NINE + 30 * MINUTE, width=5 * MINUTE))

    assert len(found) == 6
    assert found[0] == Point(NINE, 6, 0.5)
    assert found[1] == Point(NINE + 5 * MINUTE, None, None)
    assert found[3] == Point(NINE + 15 * MINUTE, 3, 3)


def test_the_table_and_the_sentence_say_what_the_lines_show():
    chart = draw([Point(NINE, 0, 1.25), Point(NINE + MINUTE, None, None)], zone=UTC, label_every=MINUTE)

    assert chart.numbers == (("09:00", "0", "1.2"), ("09:01", "not recorded", "not recorded"))
    assert chart.summary == "In: 0 to 0 messages per minute. Out: 1.2 to 1.2 messages per minute."
    assert draw([], zone=UTC, label_every=MINUTE).summary == "In: not recorded. Out: not recorded."


@pytest.mark.parametrize(
    ("value", "words"), [(None, "not recorded"), (0, "0"), (1234.0, "1,234"), (0.04, "0.0"), (2.5, "2.5")]
)
def test_numbers_have_no_more_decimals_than_tell_something(value, words):
    assert said(value) == words
