"""Records and policies as RFC 8461 section 3 writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.tls_policies.mta_sts import LONGEST, InvalidPolicy, Mode, Policy, read_policy, read_record

ENFORCE = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n"


@pytest.mark.parametrize(
    "texts",
    [
        [b"v=STSv1; id=20160831085700Z;"],
        [b"v=STSv1;id=20160831085700Z"],
        [b"v=STSv1; extra=1; id=20160831085700Z; more=a/b"],
        [b"v=spf1 -all", b"v=STSv1; id=20160831085700Z;"],
        [b"v=STSv1; id=20160831085700Z; id=second"],
    ],
)
def test_one_record_gives_its_id(texts):
    assert read_record(texts) == "20160831085700Z"


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b""],
        [b"v=STSv1"],
        [b"v=STSv1;"],
        [b"v=STSv1; id="],
        [b"v=STSv1; id=with-hyphen"],
        [b"v=STSv1; id=" + b"a" * 33],
        [b"v=STSv2; id=1"],
        [b" v=STSv1; id=1"],
        [b"v=STSv1; id=1", b"v=STSv1; id=2"],
        [b"v=STSv1; id=1; nonsense"],
        [b"v=STSv1; id=\xff"],
        [b"id=1; v=STSv1;"],
    ],
)
def test_anything_else_announces_no_policy(texts):
    assert read_record(texts) is None


def test_a_policy_is_read():
    assert read_policy(ENFORCE.encode()) == Policy(
        mode=Mode.ENFORCE, max_age=timedelta(weeks=1), mx=("mail.example.com", "*.example.net")
    )


@pytest.mark.parametrize(
    "text",
    [
        ENFORCE.replace("\n", "\r\n"),
        ENFORCE.rstrip("\n"),
        ENFORCE + "\n\nfuture_field: whatever it says, ünïcode too\n",
        ENFORCE + "mode: none\nmax_age: 1\n",
        ENFORCE.replace(": ", ":").replace("mail.example.com", "MAIL.Example.com  "),
    ],
)
def test_line_ends_unknown_fields_and_repeated_fields_do_not_matter(text):
    assert read_policy(text.encode()) == read_policy(ENFORCE.encode())


def test_a_policy_that_ends_mta_sts_needs_no_hosts():
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 0\n").mode is Mode.NONE


def test_no_policy_lasts_longer_than_a_year():
    text = ENFORCE.replace("604800", "9999999999")

    assert read_policy(text.encode()).max_age == LONGEST


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "version"),
        ("<html>", "key: value"),
        (ENFORCE.replace("STSv1", "STSv2"), "version"),
        (ENFORCE.replace("version: STSv1\n", ""), "version"),
        (ENFORCE.replace("enforce", "Enforce"), "mode"),
        (ENFORCE.replace("mode: enforce\n", ""), "mode"),
        (ENFORCE.replace("604800", "-1"), "max_age"),
        (ENFORCE.replace("604800", "1e3"), "max_age"),
        (ENFORCE.replace("604800", "99999999999"), "max_age"),
        (ENFORCE.replace("max_age: 604800\n", ""), "max_age"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", "no mx"),
        ("version: STSv1\nmode: testing\nmax_age: 1\n", "no mx"),
        (ENFORCE.replace("mail.example.com", "*"), "host name"),
        (ENFORCE.replace("mail.example.com", "mail.*.com"), "host name"),
        (ENFORCE.replace("mail.example.com", "*.*.com"), "host name"),
        (ENFORCE.replace("mail.example.com", "192.0.2.1"), "host name"),
        (ENFORCE.replace("mail.example.com", "müller.example"), "host name"),
        (ENFORCE.replace("mail.example.com", ""), "host name"),
        (ENFORCE + "mx: a.example\n" * 200, "more than 200"),
        (ENFORCE + "no colon here\n", "key: value"),
        (ENFORCE.replace("\n", "\r"), "version"),
        (ENFORCE.replace("\n", "\u2028"), "version"),
    ],
)
def test_a_policy_that_is_not_well_formed_is_none(text, why):
    with pytest.raises(InvalidPolicy, match=why):
        read_policy(text.encode())


def test_a_policy_that_is_not_utf8_is_none():
    with pytest.raises(InvalidPolicy, match="UTF-8"):
        read_policy(ENFORCE.encode() + b"x: \xff\n")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data):
    read_record([data, b"v=STSv1;" + data])
    with pytest.raises(InvalidPolicy):
        read_policy(data)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.example.com", True),
        ("mx.example.net", True),
        ("example.net", False),
        ("a.mx.example.net", False),
        ("mail.example.com.evil.test", False),
        ("net", False),
        ("", False),
    ],
)
def test_a_wildcard_allows_one_label(host, allowed):
    assert read_policy(ENFORCE.encode()).allows(host) is allowed
