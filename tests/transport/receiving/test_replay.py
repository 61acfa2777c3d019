"""A file of the Replay directory carries its envelope in X-headers (exchange.md 10.2)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.envelope import DsnRequest, Envelope
from transport.injected import injected_headers
from transport.receiving import replay
from transport.receiving.errors import Refused
from transport.receiving.handed_in import Origin
from transport.receiving.limits import Limits

AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
ORIGIN = Origin(door="Replay", fqdn="e15mb1.admincenter.test", at=AT, new_token=lambda: "token")
LIMITS = Limits(max_recipients=5)
MESSAGE = b"From: shown@contoso.test\r\nTo: shown@fabrikam.test\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"
TRACE = (
    b"Received: from localhost\r\n"
    b"\tby e15mb1.admincenter.test (Replay) id token;\r\n"
    b"\tMon, 23 Nov 2026 16:00:00 +0000\r\n"
)


def read(data):
    return replay.read(data, limits=LIMITS, origin=ORIGIN)


def refusal(data):
    with pytest.raises(Refused) as refused:
        read(data)
    return refused.value.text


def test_the_example_of_exchanges_documentation_is_understood():
    envelope = read(
        b"X-Sender: <bob@fabrikam.com> BODY=7bit RET=HDRS ENVID=12345ABCD auth=<someAuth>\r\n"
        b"X-Receiver: <mary@contoso.com> NOTIFY=NEVER ORcpt=mary@contoso.com\r\n"
        b"X-CreatedBy: MSExchange15\r\nX-HeloDomain: fabrikam.com\r\nX-ExtendedMessageProps: BAsDG\r\n"
        b"X-Source: SMTP:Default MBX1\r\nX-SourceIPAddress: 192.0.2.7\r\nX-EndOfInjectedXHeaders: 300\r\n"
        + MESSAGE
    )

    assert envelope.content == TRACE + MESSAGE
    assert (envelope.mail_from, envelope.recipients) == ("bob@fabrikam.com", ("mary@contoso.com",))
    assert (envelope.ret, envelope.envid, envelope.eight_bit) == ("HDRS", "12345ABCD", False)
    assert envelope.dsn_requests == {
        "mary@contoso.com": DsnRequest(notify="NEVER", orcpt="rfc822;mary@contoso.com")
    }
    assert envelope.source == "SMTP:Default MBX1"
    assert (envelope.client_name, envelope.client_address) == ("fabrikam.com", "192.0.2.7")
    assert not envelope.trusted_sender


def test_the_header_of_the_message_is_only_for_show_and_its_bcc_is_taken_out():
    envelope = read(b"X-Sender: <>\r\nX-Receiver: a@b.test\r\nBcc: x@y.test\r\n" + MESSAGE)

    assert (envelope.mail_from, envelope.recipients) == ("", ("a@b.test",))
    assert envelope.content == TRACE + MESSAGE
    assert (envelope.source, envelope.client_address) == ("Replay", "")


def test_headers_behind_the_end_of_the_injected_ones_belong_to_the_message():
    end = b"X-EndOfInjectedXHeaders: 1\r\nX-Source: mine\r\n"
    envelope = read(b"X-Sender: <a@b.test>\r\nX-Receiver: <c@d.test>\r\n" + end + MESSAGE)

    assert envelope.source == "Replay"
    assert b"X-Source: mine\r\n" in envelope.content


SENDER = b"X-Sender: <a@b.test>\r\n"
RECEIVER = b"X-Receiver: <c@d.test>\r\n"


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (b"", "does not begin with X-headers that have an X-Sender"),
        (RECEIVER, "that have an X-Sender"),
        (SENDER, "no X-Receiver"),
        (SENDER + SENDER + RECEIVER, "X-Sender stands more than once"),
        (SENDER + b"X-Source: a\r\nX-Source: b\r\n" + RECEIVER, "X-Source stands more than once"),
        (SENDER + b"X-Receiver: <>\r\n", "X-Receiver: The address is empty"),
        (SENDER + b"X-Receiver: bob\r\n", "X-Receiver: The address needs a domain"),
        (b"X-Sender: <a@b.test> BODY=BINARYMIME\r\n" + RECEIVER, "BODY needs 7BIT or 8BITMIME"),
        (b"X-Sender: <a@b.test> FOO=1\r\n" + RECEIVER, "FOO is not supported"),
        (SENDER + b"X-Receiver: <c@d.test> NOTIFY=OFTEN\r\n", "NOTIFY needs"),
        (SENDER + RECEIVER + b"X-EndOfInjectedXHeaders: many\r\n", "number of bytes"),
        (b"Subject: first\r\n" + SENDER + RECEIVER, "X-Sender stands below other fields"),
        (SENDER + RECEIVER + b"Subject: x\r\n" + RECEIVER, "X-Receiver stands below other fields"),
    ],
)
def test_an_envelope_that_is_none_names_the_rule(head, rule):
    assert rule in refusal(head + MESSAGE)


def test_there_is_a_limit_of_receivers():
    receivers = b"".join(b"X-Receiver: <%d@b.test>\r\n" % number for number in range(6))

    assert (
        refusal(b"X-Sender: <a@b.test>\r\n" + receivers + MESSAGE)
        == "Message has 6 recipients; 5 are allowed"
    )


def test_a_message_that_made_too_many_hops_is_a_loop_here_too():
    hops = b"Received: from x\r\n" * 31

    assert "Hop count" in refusal(b"X-Sender: <a@b.test>\r\nX-Receiver: <c@d.test>\r\n" + hops + MESSAGE)


requests = st.builds(
    DsnRequest,
    notify=st.sampled_from(["", "NEVER", "SUCCESS,FAILURE"]),
    orcpt=st.sampled_from(["", "rfc822;a+2Bb@c.test"]),
)


@given(
    mail_from=st.sampled_from(["", "anna@contoso.test", "jürgen@müller.test"]),
    asked=st.dictionaries(st.sampled_from(["b@c.test", "ü@c.test", '"x.y"@c.test']), requests, min_size=1),
    ret=st.sampled_from(["", "FULL"]),
    envid=st.sampled_from(["", "QQ+2B314159"]),
    source=st.sampled_from(["SMTP", "SMTP:Default E15MB1", "DSN"]),
    client=st.sampled_from([("", ""), ("192.0.2.7", "client.test"), ("2001:db8::1", "[IPv6:2001:db8::1]")]),
    eight_bit=st.booleans(),
    trusted_sender=st.booleans(),
)
def test_what_is_written_for_replay_is_read_back_the_same(**facts):
    asked, client = facts.pop("asked"), facts.pop("client")
    envelope = Envelope(
        recipients=tuple(asked),
        content=TRACE + MESSAGE,
        received_at=AT,
        client_address=client[0],
        client_name=client[1],
        smtputf8=not "".join((facts["mail_from"], *asked)).isascii(),
        dsn_requests={address: one for address, one in asked.items() if one != DsnRequest()},
        **facts,
    )
    again = read(injected_headers(envelope) + MESSAGE)

    assert again == replace(envelope, trusted_sender=envelope.trusted_sender or not envelope.client_address)
