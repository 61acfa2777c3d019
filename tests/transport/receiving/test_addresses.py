"""Which paths are addresses (RFC 5321 4.1.2), and why the others are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.receiving.addresses import parse_path
from transport.receiving.errors import BadAddress

DOMAIN_255 = b".".join([b"d" * 63] * 4)


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "a.b+c=d@example.org",
        "!#$%&'*+/=?^_`{|}~-@example.org",
        '"a@b"@example.org',
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@my_host.local",
        "a@xn--exmple-cua.com",
        "jürgen@exämple.com",
        "user%example.net@example.org",
        '""@example.org',
        "a@1.example",
    ],
)
def test_a_valid_address_is_taken_as_it_stands(address):
    assert parse_path(f"<{address}>".encode()) == (address, b"")


def test_parameters_are_left_for_others():
    assert parse_path(b" <a@b> SIZE=1 X") == ("a@b", b" SIZE=1 X")
    assert parse_path(b"<>") == ("", b"")


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (b"a@b", "angle brackets"),
        (b"<a@b", "angle brackets"),
        (b"<a>", "needs a domain"),
        (b"<@x.org,@y.org:a@b>", "Source routes"),
        (b"<a@b@c>", "local-part@domain"),
        (b"<a..b@c>", "local-part@domain"),
        (b"<.a@c>", "local-part@domain"),
        (b"<a.@c>", "local-part@domain"),
        (b"<a@-c>", "local-part@domain"),
        (b"<a@c->", "local-part@domain"),
        (b"<a@c..d>", "local-part@domain"),
        (b"<a@c.>", "local-part@domain"),
        (b"<a@>", "local-part@domain"),
        (b"<@>", "Source routes"),
        (b"<a b@c>", "local-part@domain"),
        (b'<"a"b@c>', "local-part@domain"),
        (b'<"a b"@c>', "a space or an angle bracket"),
        (b'<"<img/src=x>"@c>', "a space or an angle bracket"),
        (b'<"a\rb"@c>', "local-part@domain"),
        (b"<a@[192.0.2.256]>", "not an IP address"),
        (b"<a@[192.0.2]>", "not an IP address"),
        (b"<a@[2001:db8::1]>", "not an IP address"),
        (b"<a@[IPv6:x]>", "local-part@domain"),
        (b"<a@b>x", "without a space"),
        (b"<a@\xff>", "not valid UTF-8"),
        ("<a@b\u2028c>".encode(), "does not print"),
        ("<a\u0085@b>".encode(), "does not print"),
        ("<a\u202e@b>".encode(), "does not print"),
    ],
)
def test_a_bad_path_is_refused_with_its_rule(path, rule):
    with pytest.raises(BadAddress, match=rule):
        parse_path(path)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (b"<%s@b.org>" % (b"l" * 64), None),
        (b"<%s@b.org>" % (b"l" * 65), "local part is longer than 64"),
        (b"<a@%s.org>" % (b"d" * 63), None),
        (b"<a@%s.org>" % (b"d" * 64), "label of the domain is longer than 63"),
        (b"<a@%s>" % DOMAIN_255[:252], None),
        (b"<a@%s>" % DOMAIN_255[:253], "path is longer than 256"),
    ],
)
def test_lengths_are_bounded(path, rule):
    if rule is None:
        assert parse_path(path)[0] == path[1:-1].decode()
    else:
        with pytest.raises(BadAddress, match=rule):
            parse_path(path)


@given(path=st.one_of(st.binary(max_size=80), st.text('<>@.:"\\[]a \r\n\0é', max_size=40).map(str.encode)))
def test_whatever_is_taken_is_one_printable_line(path):
    try:
        address, _ = parse_path(path)
    except BadAddress:
        return
    assert address.isprintable()
    assert address == "" or "@" in address


def test_a_hostile_path_costs_no_time():
    with pytest.raises(BadAddress):
        parse_path(b"<" + b"a." * 400_000 + b"@")
    with pytest.raises(BadAddress):
        parse_path(b"<a@" + b"a-" * 400_000 + b">")
    with pytest.raises(BadAddress):
        parse_path(b'<"' + b"\\a" * 400_000 + b">")
