"""Orders, selections, rows that come and go, and times in words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.datastructures import MultiValueDict
from django.views.defaults import server_error

from admincenter.components.lists import SELECTION_LIMIT, Order, read_order, read_selection
from admincenter.components.moments import relative
from admincenter.components.rows import RowList, turn

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAIRS = RowList("pairs", {"left": "", "right": "1"})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (-1, "1 second ago"),
        (-59, "59 seconds ago"),
        (-60, "60 seconds ago"),
        (-7199, "119 minutes ago"),
        (90, "in 90 seconds"),
        (172_799, "in 47 hours"),
        (172_800, "in 2 days"),
    ],
)
def test_a_moment_is_said_in_the_largest_unit_that_counts_two(seconds, words):
    assert relative(NOW + timedelta(seconds=seconds), now=NOW) == words


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", Order(column="name")),
        ("-name", Order(column="name", descending=True)),
        ("--name", Order(column="status")),
        ("password", Order(column="status")),
        ("", Order(column="status")),
    ],
)
def test_an_unknown_order_means_the_default(rf, sort, order):
    assert read_order(rf.get("/", {"sort": sort}), columns=["name", "status"], default="status") == order


def test_a_click_on_the_column_in_force_turns_it_round():
    order = Order(column="name")

    assert (order.toggled("name"), order.toggled("size")) == ("-name", "size")


def test_a_selection_is_numbers_each_once_and_bounded(rf):
    words = ["3", "x", "3", "1", "0", "²", "9" * 19]
    assert read_selection(rf.get("/", {"selected": words}).GET) == [3, 1]
    many = MultiValueDict({"selected": [str(number) for number in range(1, SELECTION_LIMIT + 50)]})
    assert len(read_selection(many)) == SELECTION_LIMIT


def test_a_new_row_has_its_own_start_and_ragged_columns_are_filled():
    typed = MultiValueDict({"left": ["a", "b"], "right": ["7"]})

    assert turn(typed, "add-pairs", lists=(PAIRS,)) == "pairs-3"
    assert typed.getlist("left") == ["a", "b", ""]
    assert typed.getlist("right") == ["7", "1", "1"]


def test_a_removed_row_leaves_all_columns():
    typed = MultiValueDict({"left": ["a", "b", "c"], "right": ["1", "2", "3"]})

    assert turn(typed, "remove-pairs-3", lists=(PAIRS,)) == "pairs-2"
    assert (typed.getlist("left"), typed.getlist("right")) == (["a", "b"], ["1", "2"])


def test_the_page_for_a_breakdown_needs_nothing(rf):
    assert b"Something broke here" in server_error(rf.get("/")).content
