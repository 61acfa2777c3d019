from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admincenter.filtering.matching import holds
from admincenter.filtering.properties import Kind, Property, by_name, check
from admincenter.filtering.syntax import FilterError, parse
from admincenter.filtering.wildcards import matches

PROPERTIES = by_name(
    [
        Property(name="Subject", kind=Kind.TEXT),
        Property(name="Status", kind=Kind.CHOICE, choices=("Ready", "Pending Remove")),
        Property(name="MessageCount", kind=Kind.NUMBER),
        Property(name="Size", kind=Kind.SIZE),
        Property(name="NextRetryTime", kind=Kind.TIME),
        Property(name="Enabled", kind=Kind.FLAG),
    ]
)
ROW = {
    "Subject": "Quarterly Report",
    "Status": "Pending Remove",
    "MessageCount": 7,
    "Size": 2 * 1024 * 1024,
    "NextRetryTime": datetime(2026, 11, 23, 16, 0, tzinfo=UTC),
    "Enabled": True,
}
ZONE = timezone(timedelta(hours=1))


def value_of(text):
    return check(parse(text), PROPERTIES, zone=ZONE).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("subject -eq 'x'", "x"),
        ("Status -eq pendingremove", "Pending Remove"),
        ("Status -eq 'PENDING REMOVE'", "Pending Remove"),
        ("MessageCount -gt 100", 100),
        ("MessageCount -gt -1.5", -1.5),
        ("Size -gt 25MB", 25 * 1024 * 1024),
        ("Size -gt '1.5 KB'", 1536),
        ("Size -gt 0", 0),
        ("Size -gt '2 MB (2,097,152 bytes)'", 2 * 1024 * 1024),
        ("Size -lt 999999999999999TB", 2**63 - 1),
        ("NextRetryTime -gt '2026-11-23 16:00'", datetime(2026, 11, 23, 15, 0, tzinfo=UTC)),
        ("NextRetryTime -gt 2026-11-23T16:00:00Z", datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),
        ("NextRetryTime -gt '11/23/2026 4:00 PM'", datetime(2026, 11, 23, 15, 0, tzinfo=UTC)),
        ("NextRetryTime -gt 11/23/2026", datetime(2026, 11, 22, 23, 0, tzinfo=UTC)),
        ("NextRetryTime -eq $null", None),
        ("Enabled -eq $true", True),
        ("Enabled -eq 'False'", False),
    ],
)
def test_a_value_gets_the_type_of_its_property(text, value):
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "position", "rule"),
    [
        ("Stats -eq 1", 1, "there is no property Stats; perhaps Status is meant"),
        ("Status -like 'R*'", 8, "-like does not fit Status"),
        ("Subject -gt 'a'", 9, "-gt does not fit Subject, which is text: -eq, -ne, -like do"),
        ("Status -eq 'Gone'", 12, "Status is one of a few words: Ready, Pending Remove"),
        ("MessageCount -eq many", 18, "MessageCount is a number"),
        ("MessageCount -eq 1e9", 18, "MessageCount is a number"),
        ("MessageCount -eq 9999999999999999", 18, "MessageCount is a number"),
        ("Size -eq 5XB", 10, "Size is a size"),
        ("NextRetryTime -gt tomorrow", 19, "NextRetryTime is a time: 2026-11-23 16:00 or 11/23/2026"),
        ("NextRetryTime -gt '0001-01-01 00:00'", 19, "out of range"),
        ("NextRetryTime -gt $null", 19, "$null fits -eq and -ne"),
        ("MessageCount -eq $null", 18, "$null fits -eq and -ne of texts and times only"),
        ("Enabled -eq maybe", 13, "$true or $false"),
        ("Subject -eq 'a\x00b'", 13, "printable"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(text, position, rule):
    with pytest.raises(FilterError) as refused:
        check(parse(text), PROPERTIES, zone=ZONE)

    assert (refused.value.position, rule in refused.value.rule) == (position, True), refused.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Subject -eq 'quarterly report'", True),
        ("Subject -ne 'quarterly report'", False),
        ("Subject -like '*REPORT'", True),
        ("Subject -like 'report*'", False),
        ("Status -eq PendingRemove", True),
        ("MessageCount -ge 7 -and MessageCount -le 7", True),
        ("MessageCount -gt 7 -or Size -gt 1MB", True),
        ("-not (Enabled -eq $true)", False),
        ("NextRetryTime -lt '2026-11-23 17:00:01'", True),
        ("NextRetryTime -eq $null", False),
        ("NextRetryTime -ne $null", True),
    ],
)
def test_a_filter_holds_for_values_in_memory(text, expected):
    assert holds(check(parse(text), PROPERTIES, zone=ZONE), ROW.get) is expected


def test_a_list_fits_when_one_of_its_items_does():
    spaces = by_name([Property(name="AddressSpaces", kind=Kind.TEXT)])
    row = {"AddressSpaces": ("SMTP:*;1", "SMTP:contoso.com;5")}

    assert holds(check(parse("AddressSpaces -like '*contoso*'"), spaces, zone=ZONE), row.get)
    assert not holds(check(parse("AddressSpaces -ne 'SMTP:*;1'"), spaces, zone=ZONE), row.get)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("contoso.com", "*.com", True),
        ("contoso.com", "CONTOSO.COM", True),
        ("contoso.com", "c*o*m", True),
        ("contoso.com", "*", True),
        ("contoso.com", "contoso", False),
        ("ab", "ab*b", False),
        ("a.c", "a?c", False),
        ("", "*", True),
        ("a" * 5000, "a*" * 500 + "b", False),
    ],
)
def test_a_star_stands_for_any_characters(text, pattern, expected):
    assert matches(text, pattern) is expected


@given(st.lists(st.text(alphabet="ab")), st.text(alphabet="ab"))
def test_a_pattern_fits_what_it_was_made_of(parts, filling):
    assert matches(filling.join(parts), "*".join(parts) if filling else "".join(parts))
