"""Bindings and IP ranges: how they are written, what they hold, and which one is more specific."""

from ipaddress import ip_address

import pytest

from connectors.errors import InvalidValue
from connectors.ranges import Binding, parse_binding, parse_range, plain


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("192.0.2.1:25", "192.0.2.1:25"),
        (" 0.0.0.0:2525 ", "0.0.0.0:2525"),
        ("[::]:587", "[::]:587"),
        ("[2001:DB8::1]:25", "[2001:db8::1]:25"),
        ("0.0.0.0:465/TLS", "0.0.0.0:465/tls"),
    ],
)
def test_a_binding_is_an_address_and_a_port(text, stored):
    assert str(parse_binding(text)) == stored
    assert parse_binding(stored) == parse_binding(text)


@pytest.mark.parametrize(
    "text",
    ["", "25", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "::1:25", "[192.0.2.1]:25", "300.0.0.1:25",
     "mail.example.com:25", "0.0.0.0:25/ssl", "[::1%eth0]:25", "192.0.2.1:25\n"[:-1] + ":"],
)  # fmt: skip
def test_what_is_no_binding_is_refused_by_name(text):
    with pytest.raises(InvalidValue, match="Bindings"):
        parse_binding(text)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("0.0.0.0:25", "127.0.0.1:25", True),
        ("127.0.0.1:25", "0.0.0.0:25", True),
        ("127.0.0.1:25", "127.0.0.1:25/tls", True),
        ("127.0.0.1:25", "127.0.0.2:25", False),
        ("0.0.0.0:25", "0.0.0.0:587", False),
        ("[::]:25", "0.0.0.0:25", False),
        ("[::]:25", "[::1]:25", True),
    ],
)
def test_bindings_overlap_when_a_connection_could_belong_to_both(one, other, overlap):
    assert parse_binding(one).overlaps(parse_binding(other)) is overlap


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("10.0.0.0 - 10.0.0.255", "10.0.0.0/24"),
        ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
        ("10.0.0.7-10.0.0.7", "10.0.0.7"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"),
    ],
)
def test_a_range_is_an_address_a_network_or_first_and_last(text, stored):
    assert str(parse_range(text)) == stored
    assert parse_range(stored) == parse_range(text)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "example.org", "10.0.0.1-"]
)
def test_what_is_no_range_is_refused_by_name(text):
    with pytest.raises(InvalidValue, match="RemoteIPRanges"):
        parse_range(text)


def test_a_mapped_or_scoped_address_counts_as_its_plain_form():
    assert plain("::ffff:192.0.2.1") == ip_address("192.0.2.1")
    assert plain("fe80::1%eth0") == ip_address("fe80::1")
    assert plain("127.1") is None


def test_a_binding_of_every_address_is_no_binding_of_the_other_kind():
    assert not Binding("::", 25).covers(Binding("127.0.0.1", 25))
