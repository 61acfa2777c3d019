"""The Received line (RFC 5321 4.4), whatever the client calls itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from transport.receiving.trace import Client, received_line

AT = datetime(2026, 11, 23, 16, 0, 0, 999999, tzinfo=UTC)


def line(name="client.example.test", address="192.0.2.7", at=AT):
    client = Client(name=name, address=address, protocol="ESMTP")
    return received_line(client, fqdn="e15mb1.admincenter.test", token="7f3a", at=at)


def test_it_says_from_whom_by_whom_how_and_when():
    assert line() == (
        b"Received: from client.example.test ([192.0.2.7])\r\n"
        b"\tby e15mb1.admincenter.test with ESMTP id 7f3a;\r\n"
        b"\tMon, 23 Nov 2026 16:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("[192.0.2.1]", b"[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", b"[IPv6:2001:db8::1]"),
        ("my_host", b"my_host"),
        ("a(b);c", b"a?b??c"),
        ("a\r\nBcc: x", b"a??Bcc:?x"),
        ("<script>", b"?script?"),
        ("j\u00fcrgen", b"j?rgen"),
        ("", b"unknown"),
        ("x" * 300, b"x" * 255),
    ],
)
def test_a_helo_name_stays_a_name(name, written):
    assert line(name=name).split(b" ")[2] == written
    assert line(name=name).count(b"\r\n") == 3


def test_an_ipv6_client_is_written_as_a_tagged_literal():
    assert b" ([IPv6:2001:db8::1])\r\n" in line(address="2001:db8::1")


def test_the_time_is_written_in_utc():
    assert line(at=AT.astimezone(timezone(timedelta(hours=-5)))) == line()
