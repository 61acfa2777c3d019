"""A file of the Pickup directory becomes a message (exchange.md 10.2)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.receiving import pickup
from transport.receiving.errors import Refused
from transport.receiving.handed_in import Origin
from transport.receiving.limits import KIB, Limits

ORIGIN = Origin(
    door="Pickup",
    fqdn="e15mb1.admincenter.test",
    at=datetime(2026, 11, 23, 16, 0, tzinfo=UTC),
    new_token=lambda: "token",
)
LIMITS = Limits(max_header_bytes=64 * KIB, max_recipients=100)
TRACE = (
    b"Received: from localhost\r\n"
    b"\tby e15mb1.admincenter.test (Pickup) id token;\r\n"
    b"\tMon, 23 Nov 2026 16:00:00 +0000\r\n"
)


def read(data, *, limits=LIMITS):
    return pickup.read(data, limits=limits, origin=ORIGIN)


def refusal(data, *, limits=LIMITS):
    with pytest.raises(Refused) as refused:
        read(data, limits=limits)
    return refused.value.text


def test_a_complete_message_stays_as_it_is_below_our_received_line():
    message = (
        b"From:  Anna   <anna@contoso.test>\r\nTo: bob@fabrikam.test\r\n"
        b"CC: Eva\r\n\t<eva@fabrikam.test>\r\n"
        b"Date: Mon, 23 Nov 2026 15:00:00 +0000\r\nMessage-Id: <1@contoso.test>\r\nX-Odd  : kept  as is \r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nFrom: nobody\r\nBcc: body\r\n"
    )
    envelope = read(message)

    assert envelope.content == TRACE + message
    assert envelope.mail_from == "anna@contoso.test"
    assert envelope.recipients == ("bob@fabrikam.test", "eva@fabrikam.test")
    assert (envelope.source, envelope.eight_bit, envelope.smtputf8) == ("Pickup", False, False)
    assert envelope.trusted_sender


def test_bcc_received_and_resent_fields_are_taken_out_with_their_folded_lines():
    envelope = read(
        b"Received: from x\r\n\tby y\r\nFrom: anna@contoso.test\r\n"
        b"Bcc: secret@fabrikam.test,\r\n other@fabrikam.test\r\n"
        b"resent-to: z@fabrikam.test\r\nTo: bob@fabrikam.test\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"
    )

    assert envelope.content == TRACE + (
        b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"
    )
    assert envelope.recipients == ("bob@fabrikam.test", "secret@fabrikam.test", "other@fabrikam.test")


def test_a_message_with_bcc_alone_says_undisclosed_recipients():
    content = read(b"From: anna@contoso.test\r\nBcc: bob@fabrikam.test\r\n\r\n").content

    assert b"\r\nTo: Undisclosed recipients:;\r\n" in content
    assert b"bob@fabrikam.test" not in content


def test_date_and_message_id_are_added_where_they_are_missing():
    content = read(b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\n\r\nHi\r\n").content

    assert content == TRACE + (
        b"Date: Mon, 23 Nov 2026 16:00:00 +0000\r\nMessage-ID: <token@e15mb1.admincenter.test>\r\n"
        b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\n\r\nHi\r\n"
    )


def test_the_sender_field_sends_for_several_authors():
    message = b"From: anna@contoso.test, eva@contoso.test\r\n%sTo: bob@fabrikam.test\r\n\r\n"

    assert read(message % b"Sender: office@contoso.test\r\n").mail_from == "office@contoso.test"
    assert refusal(message % b"") == "From has 2 addresses; one is needed, or one in Sender"


def test_a_file_written_with_unix_line_ends_gets_those_of_mail():
    envelope = read(
        b"From: anna@contoso.test\nTo: bob@fabrikam.test\nDate: d\nMessage-ID: <1@x>\n\nHi\n.\nYou"
    )

    assert envelope.content == TRACE + (
        b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\nDate: d\r\nMessage-ID: <1@x>\r\n"
        b"\r\nHi\r\n.\r\nYou\r\n"
    )


HEAD = b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\n"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "neither From nor Sender"),
        (b"\x89PNG\r\n\x1a\n", "bare line feed"),
        (HEAD, "no blank line"),
        (HEAD + b"\r\nbare\nline feed\r\n", "bare line feed"),
        (HEAD + b"\r\nbare\rreturn\r\n", "bare carriage return"),
        (HEAD + b"\r\nnul \0\r\n", "NUL"),
        (HEAD + b"\r\n" + b"x" * 999 + b"\r\n", "a line of more than 998 characters"),
        (b"not a header\r\n" + HEAD + b"\r\n", "Field 1 of the header has no name and colon"),
        (b" folded into nothing\r\n" + HEAD + b"\r\n", "Field 1 of the header"),
        (b"To: bob@fabrikam.test\r\n\r\n", "neither From nor Sender"),
        (b"From: \r\nTo: bob@fabrikam.test\r\n\r\n", "From has 0 addresses"),
        (HEAD + b"From: eva@contoso.test\r\n\r\n", "From stands 2 times"),
        (b"From: anna\r\nTo: bob@fabrikam.test\r\n\r\n", "From: The address needs a domain"),
        (b"From: anna@contoso.test\r\nSubject: x\r\n\r\n", "no recipient in To, Cc or Bcc"),
        (b"From: anna@contoso.test\r\nTo: Friends:;\r\n\r\n", "no recipient in To, Cc or Bcc"),
        (b"From: anna@contoso.test\r\nCc: bob\r\n\r\n", "Cc: The address needs a domain"),
    ],
)
def test_a_file_that_is_no_message_names_the_rule(data, rule):
    assert rule in refusal(data)


def test_header_and_recipients_have_their_limits():
    many = b", ".join(b"%d@fabrikam.test" % number for number in range(101))
    folded = many.replace(b", ", b",\r\n ")

    assert (
        refusal(b"From: anna@contoso.test\r\nTo: " + folded + b"\r\n\r\n")
        == "Message has 101 recipients; 100 are allowed"
    )
    assert "header exceeds the limit of 65536" in refusal(HEAD + b"X: y\r\n" * 11_000 + b"\r\n")


def test_an_address_that_stands_twice_is_one_recipient():
    assert read(HEAD + b"Cc: bob@fabrikam.test\r\n\r\n").recipients == ("bob@fabrikam.test",)


def test_addresses_beyond_ascii_ask_for_smtputf8():
    assert read("From: anna@contoso.test\r\nTo: jürgen@fabrikam.test\r\n\r\n".encode()).smtputf8


lines = st.binary(max_size=60).filter(lambda line: not set(line) & {0, 10, 13})


@given(st.lists(lines, max_size=8).map(b"\r\n".join))
def test_the_body_is_never_touched(body):
    wanted = body if body.endswith(b"\r\n") else body + b"\r\n"

    assert read(HEAD + b"\r\n" + body).content.endswith(HEAD + b"\r\n" + wanted) or not body
