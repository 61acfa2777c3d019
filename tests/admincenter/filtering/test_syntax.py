import pytest
from hypothesis import given
from hypothesis import strategies as st

from admincenter.filtering.syntax import (
    Condition,
    Every,
    FilterError,
    Negated,
    Operator,
    Some,
    parse,
)


def shape(tree):
    """The tree without positions."""
    match tree:
        case Every(parts):
            return ("and", *map(shape, parts))
        case Some(parts):
            return ("or", *map(shape, parts))
        case Negated(part):
            return ("not", shape(part))
        case Condition():
            return (tree.name, tree.operator.value, tree.value.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Status -eq 'Retry'", ("Status", "-eq", "Retry")),
        ('Status -eq "Retry"', ("Status", "-eq", "Retry")),
        ("Status -EQ Retry", ("Status", "-eq", "Retry")),
        ("  MessageCount  -gt\t100 ", ("MessageCount", "-gt", "100")),
        ("Velocity -lt -5", ("Velocity", "-lt", "-5")),
        ("Subject -like '*it''s*'", ("Subject", "-like", "*it's*")),
        ('Subject -eq "say ""x"""', ("Subject", "-eq", 'say "x"')),
        ("Subject -eq '-and'", ("Subject", "-eq", "-and")),
        ("$_.Status -ne Retry", ("Status", "-ne", "Retry")),
        ("LastError -like *-or*", ("LastError", "-like", "*-or*")),
        (
            "A -eq 1 -and B -eq 2 -AND C -eq 3",
            ("and", ("A", "-eq", "1"), ("B", "-eq", "2"), ("C", "-eq", "3")),
        ),
        ("A -eq 1 -or B -eq 2", ("or", ("A", "-eq", "1"), ("B", "-eq", "2"))),
        ("-not (A -eq 1)", ("not", ("A", "-eq", "1"))),
        ("!(A -eq 1)", ("not", ("A", "-eq", "1"))),
        (
            "(A -eq 1 -or B -eq 2) -and C -eq 3",
            ("and", ("or", ("A", "-eq", "1"), ("B", "-eq", "2")), ("C", "-eq", "3")),
        ),
        ("((A -eq 1))", ("A", "-eq", "1")),
    ],
)
def test_a_filter_reads_as_it_is_meant(text, expected):
    assert shape(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "position", "rule"),
    [
        ("", 1, "the name of a property is expected"),
        ("Status", 7, "an operator is expected"),
        ("Status 'Retry'", 8, "an operator is expected"),
        ("Status -is Retry", 8, "-is is no operator; there are -eq"),
        ("Status -contains Retry", 8, "-contains is no operator"),
        ("Status -eq", 11, "a value is expected"),
        ("Status -eq 'Retry", 12, "the quote is not closed"),
        ("A -eq 1 B -eq 2", 9, "-and is expected"),
        ("A -eq 'b'c", 10, "-and is expected"),
        ("A -eq 1 -and", 13, "the name of a property is expected"),
        ("A -eq 1 -and B -eq 2 -or C -eq 3", 22, "need parentheses"),
        ("(A -eq 1", 9, "a parenthesis is not closed"),
        ("A -eq 1)", 8, "was never opened"),
        ("-not A -eq 1", 6, "-not needs a parenthesis"),
        ("1 -eq 1", 1, "the name of a property is expected"),
        ("(" * 21 + "A -eq 1", 21, "at most 20 parentheses"),
        (" -and ".join(["A -eq 1"] * 51), 651, "at most 50 conditions"),
        ("A" * 5000, 4097, "at most 4096 characters"),
    ],
)
def test_a_wrong_filter_is_refused_where_it_is_wrong(text, position, rule):
    with pytest.raises(FilterError, match=r"^character ") as refused:
        parse(text)

    assert (refused.value.position, rule in refused.value.rule) == (position, True), refused.value


def refusal(text):
    """The error that a text is refused with, if any."""
    try:
        parse(text)
    except FilterError as error:
        return error
    return None


@given(st.text())
def test_any_text_is_a_filter_or_a_one_line_error(text):
    refused = refusal(text)

    assert refused is None or (str(refused).isprintable() and 1 <= refused.position <= len(text) + 1)


PIECES = [
    "Status",
    "-eq",
    "-ne",
    "-like",
    "-and",
    "-or",
    "-not",
    "(",
    ")",
    "'a",
    "'",
    '"',
    "1",
    "$null",
    "*",
    "!",
]


@given(st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_order_of_words_is_a_filter_or_a_one_line_error(text):
    refused = refusal(text)

    assert refused is None or 1 <= refused.position <= len(text) + 1


def test_every_operator_of_exchange_is_read():
    for operator in Operator:
        assert parse(f"Size {operator} 1").operator is operator
