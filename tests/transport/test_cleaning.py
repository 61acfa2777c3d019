"""Foreign text becomes one printable, bounded line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.cleaning import clean_text


@pytest.mark.parametrize(
    ("foreign", "clean"),
    [
        ("plain text", "plain text"),
        (b"2.0.0 ok\x00\xff", "2.0.0 ok\ufffd\ufffd"),
        (b"caf\xc3\xa9", "café"),
        ("a\x1b[31;1mred\x1b[0m b", "ared b"),
        ("\x1b]0;title\x07text", "text"),
        ("one\r\n two\ttwo\x0b\u2028three\u0085four", "one two two three four"),
        ("abc\u202edef\u2066\u200f", "abcdef"),
        ("\ufeffzero\u200bwidth", "zerowidth"),
        ("lone\ud800surrogate", "lone\ufffdsurrogate"),
        ("  edges  ", "edges"),
        ("", ""),
    ],
)
def test_what_does_not_print_goes_or_is_replaced(foreign, clean):
    assert clean_text(foreign, limit=100) == clean


@given(foreign=st.one_of(st.text(max_size=200), st.binary(max_size=200)), limit=st.integers(0, 50))
def test_the_result_is_always_one_storable_line(foreign, limit):
    clean = clean_text(foreign, limit=limit)

    assert len(clean) <= limit
    assert clean.isprintable()
    assert clean.encode().decode() == clean


def test_a_huge_text_is_cut_before_it_is_worked_on():
    assert clean_text(b"\x1b]" * 50_000_000, limit=10) == ""
    assert clean_text("x" * 1_000_000, limit=10) == "x" * 10
