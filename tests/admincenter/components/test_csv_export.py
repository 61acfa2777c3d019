"""CSV files: harmless in a spreadsheet, streamed, readable again."""

import csv
import io

import pytest

from admincenter.components import csv_export


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_begins_like_a_formula_is_text(cell):
    assert csv_export.harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "text"), [("plain", "plain"), (None, ""), (7, "7"), (-2.5, "-2.5"), ("a=b", "a=b"), ("", "")]
)
def test_everything_else_stays_as_it_is(cell, text):
    assert csv_export.harmless(cell) == text


def test_rows_are_asked_for_while_the_client_reads():
    asked: list[int] = []

    def rows():
        for number in range(1000):
            asked.append(number)
            yield (number, 'a "quoted", broken\ncell')

    parts = iter(csv_export.answer("x.csv", head=("Number", "Text"), rows=rows()).streaming_content)
    first = next(parts) + next(parts)
    assert 0 < len(asked) < 1000
    read = list(csv.reader(io.StringIO((first + b"".join(parts)).decode("utf-8-sig"))))

    assert read[0] == ["Number", "Text"]
    assert read[1:] == [[str(number), 'a "quoted", broken\ncell'] for number in range(1000)]
