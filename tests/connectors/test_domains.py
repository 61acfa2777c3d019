"""Domain names from anywhere, as they are matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.domains import a_label, readable


@pytest.mark.parametrize(
    ("written", "matched"),
    [
        ("Contoso.COM.", "contoso.com"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("no such domain", "no such domain"),
        ("", ""),
        ("..", ""),
    ],
)
def test_a_domain_is_matched_in_lower_case_a_labels_and_anything_else_as_it_is(written, matched):
    assert a_label(written) == matched


@given(st.text(max_size=300))
def test_no_text_breaks_matching_or_showing(text):
    assert isinstance(readable(a_label(text)), str)


def test_a_label_that_does_not_decode_is_shown_as_it_is():
    assert readable("xn--a-.xn--0.example") == "xn--a-.xn--0.example"
