import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.smtp import commands
from transport.smtp.errors import CannotSay, NeedsSmtpUtf8, UnsafeAddress
from transport.smtp.extensions import Extensions, read_extensions

ALL = Extensions(size=True, eight_bit=True, smtputf8=True)
NONE = Extensions()


@pytest.mark.parametrize(
    ("sender", "offered", "needs", "line"),
    [
        ("a@b.test", NONE, {}, b"MAIL FROM:<a@b.test>\r\n"),
        ("", NONE, {}, b"MAIL FROM:<>\r\n"),
        ("", ALL, {}, b"MAIL FROM:<> SIZE=7\r\n"),
        ("a@b.test", ALL, {}, b"MAIL FROM:<a@b.test> SIZE=7\r\n"),
        ("a@b.test", ALL, {"eight_bit": True}, b"MAIL FROM:<a@b.test> SIZE=7 BODY=8BITMIME\r\n"),
        ("a@b.test", NONE, {"eight_bit": True, "smtputf8": True}, b"MAIL FROM:<a@b.test>\r\n"),
        ("a@b.test", ALL, {"smtputf8": True}, b"MAIL FROM:<a@b.test> SIZE=7 SMTPUTF8\r\n"),
        ("å@b.test", ALL, {}, "MAIL FROM:<å@b.test> SIZE=7 SMTPUTF8\r\n".encode()),
        ("a@bücher.test", NONE, {}, b"MAIL FROM:<a@xn--bcher-kva.test>\r\n"),
        ("a@Bücher.TEST", ALL, {}, b"MAIL FROM:<a@xn--bcher-kva.test> SIZE=7\r\n"),
    ],
)
def test_mail_says_what_is_offered_and_needed(sender, offered, needs, line):
    assert commands.mail(sender, offered=offered, size_bytes=7, **needs) == line


def test_rcpt_writes_an_international_domain_in_a_labels():
    assert commands.rcpt("bob@bücher.test", smtputf8=False) == b"RCPT TO:<bob@xn--bcher-kva.test>\r\n"


def test_a_local_part_that_is_not_ascii_needs_smtputf8():
    assert commands.rcpt("bøb@bücher.test", smtputf8=True) == "RCPT TO:<bøb@bücher.test>\r\n".encode()

    with pytest.raises(NeedsSmtpUtf8):
        commands.rcpt("bøb@bücher.test", smtputf8=False)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.test\r\nDATA",
        "a@b.test\n",
        "a\r@b.test",
        "a\0@b.test",
        "a b@c.test",
        "a\t@b.test",
        "a@b.test> SIZE=1",
        "<a@b.test",
        "a\x7f@b.test",
        "a\x85@b.test",
        "a\u2028@b.test",
        "a\u202e@b.test",
        "a@b\u2028.test",
        "a\ud800@b.test",
        "a@\u3000.test",
        "a@xn--\xe9.test",
        "a@" + "é" * 64 + ".test",
        "a@é_b.test",
        "a@é\uff1eb.test",
        "é" * 600 + "@b.test",
        "a" * 600 + "@b.test",
    ],
)
@pytest.mark.parametrize("smtputf8", [True, False])
def test_an_address_that_would_break_the_line_is_refused(address, smtputf8):
    offered = Extensions(smtputf8=smtputf8)

    with pytest.raises(CannotSay):
        commands.rcpt(address, smtputf8=smtputf8)
    with pytest.raises(CannotSay):
        commands.mail(address, offered=offered, size_bytes=1)


def test_an_empty_recipient_is_refused():
    with pytest.raises(UnsafeAddress, match="empty"):
        commands.rcpt("", smtputf8=False)


@given(st.text(max_size=60), st.booleans())
def test_whatever_an_address_holds_the_command_is_one_line_with_one_path(address, smtputf8):
    try:
        line = commands.rcpt(address, smtputf8=smtputf8)
    except CannotSay:
        return

    assert re.fullmatch(rb"RCPT TO:<[^\x00-\x20\x7f<>]+>\r\n", line)
    assert smtputf8 or line.isascii()


@pytest.mark.parametrize("name", ["mail.contoso.test", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_ehlo_takes_names_and_address_literals(name):
    assert commands.ehlo(name) == f"EHLO {name}\r\n".encode()
    assert commands.helo(name) == f"HELO {name}\r\n".encode()


@pytest.mark.parametrize("name", ["", "a b", "a\r\nQUIT", "bücher.test", "a" * 256])
def test_ehlo_refuses_everything_else(name):
    with pytest.raises(ValueError, match="EHLO name"):
        commands.ehlo(name)


def test_extensions_are_read_whatever_their_case():
    found = read_extensions(
        ["pipelining", "8BitMime", "SMTPUTF8", "STARTTLS", "size 1000", "AUTH plain LOGIN", "X"]
    )

    assert found == Extensions(
        pipelining=True,
        eight_bit=True,
        smtputf8=True,
        starttls=True,
        size=True,
        size_limit_bytes=1000,
        auth=frozenset({"PLAIN", "LOGIN"}),
    )


@pytest.mark.parametrize("value", ["", " 0", " -1", " many", " ٣", " " + "9" * 30])
def test_a_size_without_a_number_is_no_limit(value):
    found = read_extensions(["SIZE" + value])

    assert (found.size, found.size_limit_bytes) == (True, None)


def test_the_old_way_to_offer_auth_is_understood():
    assert read_extensions(["AUTH=LOGIN PLAIN", "AUTH CRAM-MD5", ""]).auth == {"LOGIN", "PLAIN", "CRAM-MD5"}
