"""RET, ENVID, NOTIFY and ORCPT as clients give them (RFC 3461, RFC 6533), and what we later say of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.envelope import DsnRequest, Transaction
from transport.receiving.limits import Limits
from transport.smtp.extensions import Extensions
from transport.smtp.plans import plan

DSN = Extensions(dsn=True)
DSN_UTF8 = Extensions(dsn=True, smtputf8=True)


def said(peer, *, mail=b"", rcpt=b""):
    """The reply to each of the two commands with these parameters."""
    first = peer.send(b"MAIL FROM:<a@example.com>" + mail + b"\r\n")
    second = peer.send(b"RCPT TO:<b@example.org>" + rcpt + b"\r\n")
    return first, second


def accepted(peer):
    peer.send(b"DATA\r\nSubject: x\r\n\r\n.\r\n")
    (envelope,) = peer.envelopes
    return envelope


def repeated(envelope, offered):
    """The command lines with which this envelope would be passed on."""
    transaction = Transaction(
        message_id=1,
        mail_from=envelope.mail_from,
        recipients=envelope.recipients,
        content=(b"Subject: x\r\n\r\n",),
        size_bytes=14,
        smtputf8=envelope.smtputf8,
        ret=envelope.ret,
        envid=envelope.envid,
        dsn_requests=envelope.dsn_requests,
    )
    return [step.line for step in plan(transaction, offered=offered).steps]


def test_what_a_client_asks_stands_in_the_envelope_as_it_came(peer):
    peer.hello()
    said(
        peer,
        mail=b" RET=full ENVID=QQ+2B314",
        rcpt=b" notify=success,Delay ORCPT=rfc822;Bob+40work@example.org",
    )
    envelope = accepted(peer)

    assert (envelope.ret, envelope.envid) == ("FULL", "QQ+2B314")
    assert envelope.dsn_requests == {
        "b@example.org": DsnRequest(notify="SUCCESS,DELAY", orcpt="rfc822;Bob+40work@example.org")
    }


def test_of_a_recipient_that_is_named_twice_the_first_request_counts(peer):
    peer.hello()
    said(peer, rcpt=b" NOTIFY=NEVER")
    peer.send(b"RCPT TO:<b@example.org> NOTIFY=SUCCESS\r\nRCPT TO:<c@example.org>\r\n")

    assert accepted(peer).dsn_requests == {"b@example.org": DsnRequest(notify="NEVER")}


def test_a_request_ends_with_its_transaction(peer):
    peer.hello()
    said(peer, mail=b" RET=HDRS ENVID=x", rcpt=b" NOTIFY=NEVER")
    peer.send(b"RSET\r\n")
    said(peer)
    envelope = accepted(peer)

    assert (envelope.ret, envelope.envid, envelope.dsn_requests) == ("", "", {})


@pytest.mark.parametrize(
    "parameters",
    [
        *(b" RET", b" RET=", b" RET=NONE", b" RET=FULL RET=FULL", b" RET=FULL ret=HDRS"),
        *(b" ENVID", b" ENVID=", b" ENVID=a=b", b" ENVID=+", b" ENVID=+2", b" ENVID=+2b", b" ENVID=a+0Ab"),
        *(b" ENVID=+00", b" ENVID=+7F", b" ENVID=+E9", b" ENVID=" + b"x" * 101, b" ENVID=a ENVID=a"),
        *(" ENVID=é SMTPUTF8".encode(), b" ENVID=\xff SMTPUTF8", " RET=HDR\u017f SMTPUTF8".encode()),
    ],
)
def test_a_wrong_parameter_of_mail_is_refused_with_501(peer, parameters):
    mail, rcpt = said(peer.hello(), mail=parameters)

    assert mail.startswith(b"501 5.5.4 ")
    assert rcpt.startswith(b"503 ")


@pytest.mark.parametrize(
    "parameters",
    [
        *(b" NOTIFY", b" NOTIFY=", b" NOTIFY=ALWAYS", b" NOTIFY=NEVER,SUCCESS", b" NOTIFY=SUCCESS,NEVER"),
        *(b" NOTIFY=SUCCESS,", b" NOTIFY=,", b" NOTIFY=DELAY,DELAY", b" NOTIFY=NEVER NOTIFY=NEVER"),
        *(b" ORCPT", b" ORCPT=", b" ORCPT=b@c", b" ORCPT=rfc822", b" ORCPT=rfc822;", b" ORCPT=;b@c"),
        *(b" ORCPT=rfc822;b+0D+0Ax", b" ORCPT=rfc822;b+00@c", b" ORCPT=rfc822;+E9@c"),
        *(b" ORCPT=rfc822;a@b ORCPT=rfc822;a@b", b" ORCPT=rf<c;a@b", b" ORCPT=rfc822;" + b"x" * 494),
        *(b" ORCPT=utf-8;a\\x{D}@b", b" ORCPT=utf-8;a\\x{0D}@b", b" ORCPT=utf-8;\\x{D800}@b"),
        *(b" ORCPT=utf-8;\\x{110000}@b", b" ORCPT=utf-8;\\x{202E}@b", b" ORCPT=utf-8;a\\b"),
        *(b" ORCPT=utf-8;a+b", b" ORCPT=utf-8;"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_of_rcpt_is_refused_with_501(peer, parameters):
    mail, rcpt = said(peer.hello(), rcpt=parameters)

    assert mail.startswith(b"250 ")
    assert rcpt.startswith(b"501 5.5.4 ")


@pytest.mark.parametrize(
    "orcpt",
    [
        "rfc822;b@c.test",
        "RFC822;+22Bob+20Smith+22@c.test",
        "rfc822;" + "x" * 493,
        "x400;/C+3DDE/",
        r"utf-8;jos\x{E9}@c.test",
        r"UTF-8;a\x{2B}b@\x{6771}.test",
    ],
)
def test_every_form_of_an_original_recipient_goes_on_as_it_came(peer, orcpt):
    peer.hello()
    said(peer, rcpt=f" NOTIFY=FAILURE ORCPT={orcpt}".encode())
    lines = repeated(accepted(peer), DSN)

    assert lines[1] == f"RCPT TO:<b@example.org> NOTIFY=FAILURE ORCPT={orcpt}\r\n".encode()


def test_an_original_recipient_in_utf8_needs_smtputf8_here_and_there(peer):
    request = " NOTIFY=FAILURE ORCPT=utf-8;josé@c.test".encode()
    _, without = said(peer.hello(), rcpt=request)
    peer.send(b"RSET\r\n")
    _, with_smtputf8 = said(peer, mail=b" SMTPUTF8", rcpt=request)
    envelope = accepted(peer)

    assert without.startswith(b"501 ")
    assert with_smtputf8.startswith(b"250 ")
    assert repeated(envelope, DSN_UTF8)[1].endswith(request + b"\r\n")
    assert repeated(envelope, DSN)[1].endswith(rb" ORCPT=utf-8;jos\x{E9}@c.test" + b"\r\n")


PRINTABLE = st.binary(max_size=120).map(lambda value: value.replace(b"\n", b"").replace(b"\r", b""))
HOSTILE = st.lists(
    st.sampled_from(
        [b"+0D", b"+0A", b"\r", b"\n", b"\0", b"\t", b" ", b"=", b"+", b";", b"rfc822;", b"utf-8;", b"\\x{A}",
         b"\\x{2028}", b"\xc2\x85", b"\xe2\x80\xa8", b"\xff", b">", b"x@y", b"RCPT TO:<e@v>", b"NEVER"]
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(
    value=PRINTABLE | HOSTILE,
    envid=PRINTABLE | HOSTILE,
    utf8=st.sampled_from([b"", b" SMTPUTF8"]),
    offered=st.sampled_from([DSN, DSN_UTF8, Extensions()]),
)
def test_whatever_is_accepted_goes_on_as_one_line(make_peer_class, value, envid, utf8, offered):
    peer = make_peer_class(limits=Limits(max_errors=50)).hello()
    for mail, rcpt in (
        (utf8 + b" ENVID=" + envid, b" NOTIFY=" + value),
        (utf8, b" NOTIFY=DELAY ORCPT=" + value),
        (utf8, b" ORCPT=rfc822;" + value),
        (utf8, b" ORCPT=utf-8;" + value),
    ):
        said(peer, mail=mail, rcpt=rcpt)
        peer.send(b"\r\nDATA\r\n\r\n.\r\nRSET\r\n")

    for envelope in peer.envelopes:
        for line in repeated(envelope, offered):
            assert line.endswith(b"\r\n")
            assert line[:-2].decode().isprintable()
            assert len(line) <= 1000
            assert line.split(b" ", 1)[0] in (b"MAIL", b"RCPT", b"DATA\r\n")


def test_a_host_without_dsn_hears_nothing_of_it(peer):
    peer.hello()
    said(peer, mail=b" RET=FULL ENVID=x", rcpt=b" NOTIFY=SUCCESS ORCPT=rfc822;b@c")

    assert repeated(accepted(peer), Extensions())[:2] == [
        b"MAIL FROM:<a@example.com>\r\n",
        b"RCPT TO:<b@example.org>\r\n",
    ]


def test_who_has_no_original_recipient_gets_the_address_we_were_given(peer):
    peer.hello()
    said(peer, mail=b" SMTPUTF8", rcpt=b" NOTIFY=SUCCESS")
    peer.send("RCPT TO:<josé+x@c.test> NOTIFY=DELAY\r\nRCPT TO:<plain@c.test>\r\n".encode())
    lines = repeated(accepted(peer), DSN_UTF8)

    assert lines[1:4] == [
        b"RCPT TO:<b@example.org> NOTIFY=SUCCESS ORCPT=rfc822;b@example.org\r\n",
        "RCPT TO:<josé+x@c.test> NOTIFY=DELAY ORCPT=".encode() + rb"utf-8;jos\x{E9}\x{2B}x@c.test" + b"\r\n",
        b"RCPT TO:<plain@c.test>\r\n",
    ]
