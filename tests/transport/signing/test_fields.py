"""Whose message it is, found in the bytes of the header."""

import time

import pytest

from transport.signing.fields import (
    Unreadable,
    after_first_field,
    author_domain,
    fields_of,
    header_of,
    signing_domains,
)


@pytest.mark.parametrize(
    ("value", "domain"),
    [
        (b"anna@contoso.test", b"contoso.test"),
        (b"Anna <anna@Contoso.Test>", b"contoso.test"),
        (b"<anna@contoso.test>", b"contoso.test"),
        (b"anna@contoso.test (Anna)", b"contoso.test"),
        (b"(eve@evil.test) anna@contoso.test", b"contoso.test"),
        (b"(a (nested (x@evil.test)) comment) anna@contoso.test", b"contoso.test"),
        (b'"eve@evil.test" <anna@contoso.test>', b"contoso.test"),
        (b'"<eve@evil.test>" <anna@contoso.test>', b"contoso.test"),
        (b'"\\"<eve@evil.test>" <anna@contoso.test>', b"contoso.test"),
        (b"eve@evil.test <anna@contoso.test>", b"contoso.test"),
        (b'"anna smith"@contoso.test', b"contoso.test"),
        (b"anna@contoso.test, bob@fabrikam.test", b"contoso.test"),
        (b"Team: anna@contoso.test;", b"contoso.test"),
        (b"<@relay.test:anna@contoso.test>", b"contoso.test"),
        (b"Anna\r\n <anna@contoso.test>", b"contoso.test"),
        (b"\r\n\tAnna\r\n\t<anna@\r\n\tcontoso.test>", b"contoso.test"),
        (b"anna@contoso.test.", b"contoso.test"),
        ("anna@bücher.test".encode(), "bücher.test".encode()),
        (b"", b""),
        (b"Anna", b""),
        (b"<>", b""),
        (b'"never closed <eve@evil.test>', b""),
        (b"(never closed eve@evil.test", b""),
        (b"x" * 5000 + b" <anna@contoso.test>", b""),
    ],
)
def test_the_author_domain_is_that_of_the_first_address(value, domain):
    header = b"Received: x\r\nfrom:" + value + b"\r\nSubject: @other.test\r\n"

    assert author_domain(header) == domain


@pytest.mark.parametrize(
    "header",
    [
        b"From: a@contoso.test\r\nTo: b@x.test\r\nfrom: eve@evil.test\r\n",
        b"X-From: a@contoso.test\r\nResent-From: a@contoso.test\r\n",
        b"Subject: x\r\n From: a@contoso.test\r\n",
        b"",
    ],
    ids=["two", "others", "continued", "none"],
)
def test_without_exactly_one_from_field_there_is_no_author(header):
    assert author_domain(header) == b""


def test_an_obsolete_blank_before_the_colon_changes_nothing():
    assert author_domain(b"From : anna@contoso.test\r\n") == b"contoso.test"
    assert fields_of(b"From : x\r\n")[0].name == b"from"


def test_the_header_is_cut_into_fields_with_all_their_bytes():
    header = b"A: 1\r\nb:\r\n 2\r\n\t3\r\nC: \xff:\r\n"
    fields = fields_of(header)

    assert [(field.name, field.value) for field in fields] == [
        (b"a", b" 1\r\n"),
        (b"b", b"\r\n 2\r\n\t3\r\n"),
        (b"c", b" \xff:\r\n"),
    ]


@pytest.mark.parametrize(
    "header", [b" folded first\r\n", b"A: 1\r\nno field\r\n", b"A: 1\r\n: x\r\n", b"\xe9: 1\r\n"]
)
def test_a_line_that_belongs_to_no_field_is_no_header(header):
    with pytest.raises(Unreadable):
        fields_of(header)


def test_domains_that_have_signed_are_known():
    header = (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=Contoso.Test; s=a; bh=d=x; b=abc\r\n"
        b"dkim-signature: a=rsa-sha256;\r\n d = fabrikam.test ;\r\n b=x\r\n"
        b"X: d=evil.test\r\n"
    )

    assert signing_domains(fields_of(header)) == {"contoso.test", "fabrikam.test"}


def test_the_place_for_a_signature_is_behind_a_received_line_on_top():
    received = b"Received: from a\r\n\tby b; c\r\n"

    assert after_first_field(received + b"From: x\r\n\r\n") == len(received)
    assert after_first_field(b"From: x\r\n" + received) == 0
    assert after_first_field(received) == len(received)


def test_the_header_ends_at_the_blank_line():
    assert header_of(b"A: 1\r\n\r\nbody") == b"A: 1\r\n"
    assert header_of(b"\r\nbody") == b""
    assert header_of(b"A: 1\r\n") == b"A: 1\r\n"


@pytest.mark.parametrize(
    "header",
    [
        b"From: " + b'"' * 4000 + b"\r\n",
        b"From: " + b"(" * 4000 + b"\r\n",
        b"From: " + b"<" * 4000 + b"\r\n",
        b"From: <" + b"@" * 4000 + b"\r\n",
        b"From: " + b"\\(" * 2000 + b"\r\n",
        b"From:" + b"\r\n x" * 60_000 + b"\r\n",
        b"From: a@b.test\r\n" * 16_000,
        b"A:\r\n" + b" x\r\n" * 60_000,
    ],
    ids=["quotes", "comments", "brackets", "ats", "escapes", "folds", "fields", "one long field"],
)
def test_hostile_headers_cost_no_time(header):
    began = time.process_time()
    author_domain(header)
    fields_of(header)

    assert time.process_time() - began < 1.0
