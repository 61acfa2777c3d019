"""The addresses of a header field (RFC 5322 section 3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.receiving.errors import BadAddress
from transport.receiving.mailboxes import addresses


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (b"", ()),
        (b"anna@contoso.test", ("anna@contoso.test",)),
        (b"<anna@contoso.test>", ("anna@contoso.test",)),
        (b"Anna <anna@contoso.test>, bob@contoso.test", ("anna@contoso.test", "bob@contoso.test")),
        (b'"Doe, John; (x) <y@z>" <john@contoso.test>', ("john@contoso.test",)),
        (b"anna@contoso.test (Anna (of, sales) \\) now)", ("anna@contoso.test",)),
        (b"Team: anna@contoso.test, Bob <bob@contoso.test>; , eva@contoso.test",
         ("anna@contoso.test", "bob@contoso.test", "eva@contoso.test")),
        (b"Undisclosed recipients:;", ()),
        (b" , ,anna@contoso.test,, ", ("anna@contoso.test",)),
        (b'"anna.b"@contoso.test', ('"anna.b"@contoso.test',)),
        (b"John Q. Public <john@contoso.test>", ("john@contoso.test",)),
        ("Müller <jürgen@müller.test>".encode(), ("jürgen@müller.test",)),
        (b"=?utf-8?q?eve=40evil.test=3E=2C?= <anna@contoso.test>", ("anna@contoso.test",)),
    ],
)  # fmt: skip
def test_a_field_gives_its_addresses_in_order(field, found):
    assert addresses(field) == found


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        (b"anna", "needs a domain"),
        (b"Anna Smith", "needs a domain"),
        (b"<>", "is empty"),
        (b"<anna@contoso.test> <bob@contoso.test>", "without a comma"),
        (b"<anna@contoso.test> bob", "without a comma"),
        (b"anna@contoso.test bob@contoso.test", "is not of the form"),
        (b"<@relay.test:anna@contoso.test>", "Source routes"),
        (b"anna@contoso.test (", "comment is not closed"),
        (b"(" * 30_000, "comment is not closed"),
        (b'"anna', 'A " stands where none belongs'),
        (b"Team: anna@contoso.test", "group of addresses is not closed"),
        (b"a: b: c@contoso.test;;", "A : stands where none belongs"),
        (b"anna@contoso.test>", "A > stands where none belongs"),
        (b"anna\xff@contoso.test", "not valid UTF-8"),
        (b"<anna\x00@contoso.test>", "is not of the form"),
        ("<anna\u2028@contoso.test>".encode(), "does not print"),
    ],
)
def test_a_field_that_cannot_be_read_names_the_rule(field, rule):
    with pytest.raises(BadAddress, match=rule.replace("(", "\\(")):
        addresses(field)


@given(st.one_of(st.binary(max_size=200), st.text('<>()",:;@\\ ab.', max_size=60).map(str.encode)))
def test_whatever_stands_there_is_read_or_refused_and_what_comes_out_is_one_printable_word(field):
    try:
        found = addresses(field)
    except BadAddress:
        return
    for address in found:
        assert address.isprintable()
        assert not set(address) & set("<> \r\n")
        assert "@" in address
