"""The dialogue, command by command (RFC 5321 section 4.1), without a socket."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.receiving.limits import Limits

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"
TRACE = (
    b"Received: from client.example.test ([192.0.2.7])\r\n"
    b"\tby e15mb1.admincenter.test with ESMTP id token;\r\n"
    b"\tMon, 23 Nov 2026 16:00:00 +0000\r\n"
)


def test_it_announces_exactly_what_it_does(peer):
    lines = peer.send(b"EHLO client.example.test\r\n").split(b"\r\n")

    assert lines == [
        b"250-e15mb1.admincenter.test Hello [192.0.2.7]",
        b"250-SIZE 37748736",
        b"250-PIPELINING",
        b"250-ENHANCEDSTATUSCODES",
        b"250-8BITMIME",
        b"250-SMTPUTF8",
        b"250 DSN",
        b"",
    ]


def test_helo_gets_one_line_and_smtp_in_the_trace(peer):
    assert peer.send(b"HELO client.example.test\r\n").count(b"\r\n") == 1

    peer.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + MESSAGE + b".\r\n")

    assert b" with SMTP id token;" in peer.envelopes[0].content


def test_a_message_arrives_byte_for_byte_below_one_received_line(peer):
    reply = peer.begin().send(MESSAGE + b".\r\n")

    (envelope,) = peer.envelopes
    assert reply.startswith(b"250 2.6.0 <1@example.test> [InternalId=42")
    assert envelope.content == TRACE + MESSAGE
    assert envelope.mail_from == "a@example.com"
    assert envelope.recipients == ("b@example.org",)
    assert envelope.client_address == "192.0.2.7"
    assert envelope.client_name == "client.example.test"
    assert not envelope.eight_bit
    assert not envelope.smtputf8


def test_an_empty_message_is_a_message(peer):
    assert peer.begin().send(b".\r\n").startswith(b"250 2.6.0 ")
    assert peer.envelopes[0].content == TRACE


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"EHLO", b"501 5.5.4"),
        (b"EHLO two words", b"501 5.5.4"),
        (b"EHLO " + b"x" * 256, b"501 5.5.4"),
        (b"FOO bar", b"500 5.5.1"),
        (b"", b"500 5.5.1"),
        (b"EXPN list", b"502 5.5.1"),
        (b"STARTTLS", b"502 5.5.1"),
        (b"AUTH PLAIN AGEAYg==", b"502 5.5.1"),
        (b"VRFY someone", b"252 2.5.2"),
        (b"HELP", b"214 2.0.0"),
        (b"NOOP anything", b"250 2.0.0"),
        (b"RSET", b"250 2.0.0"),
        (b"RSET now", b"501 5.5.4"),
        (b"QUIT now", b"501 5.5.4"),
        (b"DATA", b"503 5.5.1"),
        (b"RCPT TO:<b@example.org>", b"503 5.5.1"),
        (b"MAIL TO:<b@example.org>", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com", b"501 5.1.7"),
        (b"MAIL FROM:<a>", b"501 5.1.7"),
        (b"MAIL FROM:<a@example.com> SIZE=37748737", b"552 5.3.4"),
        (b"MAIL FROM:<a@example.com> SIZE=37748736", b"250 2.1.0"),
        (b"MAIL FROM:<a@example.com> SIZE=99999999999999999999", b"552 5.3.4"),
        (b"MAIL FROM:<a@example.com> SIZE=-1", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> SIZE", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> SIZE=1 SIZE=2", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> BODY=8BITMIME SMTPUTF8 SIZE=10", b"250 2.1.0"),
        (b"MAIL FROM:<a@example.com> BODY=BINARYMIME", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> SMTPUTF8=yes", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> RET=hdrs ENVID=QQ314+2B159", b"250 2.1.0"),
        (b"MAIL FROM:<a@example.com> RET=HALF", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> ENVID", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com> REQUIRETLS", b"555 5.5.4"),
        (b"MAIL FROM:<a@example.com> AUTH=<>", b"555 5.5.4"),
        (b"MAIL FROM:<a@example.com> =x", b"501 5.5.4"),
        (b"MAIL FROM:<a@example.com>SIZE=1", b"501 5.1.7"),
        (b"MAIL FROM:<>", b"250 2.1.0"),
        (b"mail from: <a@example.com>", b"250 2.1.0"),
        (b"MAIL FROM:<a@example.com>  ", b"250 2.1.0"),
        ("MAIL FROM:<jürgen@example.com>".encode(), b"501 5.5.2"),
        ("MAIL FROM:<jürgen@example.com> SMTPUTF8".encode(), b"250 2.1.0"),
        (b"MAIL FROM:<j\xfcrgen@example.com> SMTPUTF8", b"501 5.1.7"),
        ("MAIL FROM:<a\u202eb@example.com> SMTPUTF8".encode(), b"501 5.1.7"),
        (b"MAIL FROM:<a\x00b@example.com>", b"501 5.5.2"),
        (b"MAIL FROM:<a\tb@example.com>", b"501 5.5.2"),
        (b"NOOP \x80\xff", b"501 5.5.2"),
        (b"NOOP\rRSET", b"501 5.5.2"),
    ],
)
def test_each_command_has_its_reply_and_the_session_lives_on(peer, command, code):
    reply = peer.hello().send(command + b"\r\n")

    assert reply.startswith(code + b" ")
    assert reply.count(b"\r\n") == reply.count(b"\n") == 1
    assert peer.send(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"RCPT TO:<b@example.org>", b"250 2.1.5"),
        (b"RCPT TO:<postmaster>", b"501 5.1.3"),
        (b"RCPT TO:<>", b"501 5.1.3"),
        (b"RCPT TO:<b@example.org> NOTIFY=NEVER", b"250 2.1.5"),
        (b"RCPT TO:<b@example.org> BY=120;R", b"555 5.5.4"),
        (b"RCPT FROM:<b@example.org>", b"501 5.5.4"),
        ("RCPT TO:<jürgen@example.org>".encode(), b"501 5.5.2"),
        (b"MAIL FROM:<a@example.com>", b"503 5.5.1"),
        (b"DATA", b"503 5.5.1"),
    ],
)
def test_each_command_after_mail_has_its_reply(peer, command, code):
    peer.hello().send(b"MAIL FROM:<a@example.com>\r\n")

    assert peer.send(command + b"\r\n").startswith(code + b" ")


def test_mail_needs_a_greeting(peer):
    assert peer.send(b"MAIL FROM:<a@example.com>\r\n").startswith(b"503 5.5.1 ")


@pytest.mark.parametrize("command", [b"RSET", b"EHLO again.example.test", b"HELO again.example.test"])
def test_a_reset_forgets_sender_and_recipients(peer, command):
    peer.hello().send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n" + command + b"\r\n")

    assert peer.send(b"DATA\r\n").startswith(b"503 5.5.1 ")


def test_the_transaction_ends_with_the_message(peer):
    peer.begin().send(MESSAGE + b".\r\n")

    assert peer.send(b"RCPT TO:<b@example.org>\r\n").startswith(b"503 5.5.1 ")


def test_quit_says_goodbye_and_closes(peer):
    assert peer.send(b"QUIT\r\nNOOP\r\n").startswith(b"221 2.0.0 ")
    assert peer.closed
    assert peer.send(b"NOOP\r\n") == b""


def test_smtputf8_and_8bitmime_reach_the_envelope(peer):
    peer.hello().send("MAIL FROM:<jürgen@exämple.com> BODY=8bitmime SMTPUTF8\r\n".encode())
    peer.send("RCPT TO:<用户@例子.测试>\r\nDATA\r\n.\r\n".encode())

    (envelope,) = peer.envelopes
    assert (envelope.mail_from, envelope.recipients) == ("jürgen@exämple.com", ("用户@例子.测试",))
    assert envelope.eight_bit
    assert envelope.smtputf8
    assert b" with UTF8SMTP id token;" in envelope.content


def test_who_may_not_relay_reaches_no_recipient(make_peer):
    peer = make_peer(relay=False)

    peer.hello().send(b"MAIL FROM:<a@example.com>\r\n")

    assert peer.send(b"RCPT TO:<b@example.org>\r\n") == b"550 5.7.1 Unable to relay\r\n"
    assert peer.send(b"DATA\r\n").startswith(b"554 5.5.1 No valid recipients")


@pytest.mark.parametrize(
    "recipient",
    [
        b"<b@example.org>",
        b"<b%example.org@e15mb1.admincenter.test>",
        b"<b%example.org>",
        b"<example.org!b>",
        b"<example.org!b@e15mb1.admincenter.test>",
        b"<@e15mb1.admincenter.test:b@example.org>",
        b'<"b@example.org">',
        b'<"b@example.org"@e15mb1.admincenter.test>',
        b"<b@example.org@e15mb1.admincenter.test>",
        b'<"b%example.org"@e15mb1.admincenter.test>',
        b"<b@[192.0.2.1]>",
        b"<b@[127.0.0.1]>",
        b"<b@[IPv6:::1]>",
        b"<b@localhost>",
        b"b@example.org",
        b"<<b@example.org>>",
        b"<b@example.org>,<c@example.org>",
        b"<b@e15mb1.admincenter.test>",
        b"<postmaster>",
        b"<Postmaster@example.org>",
        b"<b@example.org.>",
        b"<b@@example.org>",
        b"< b@example.org>",
        b"<b@example.org >",
        b"<b @example.org>",
        b'<"b"@example.org>',
        b"<SMTP:b@example.org>",
        b"<b@0x7f.1>",
        b"<b@2130706433>",
        b"<|/bin/sh@example.org>",
    ],
)
def test_an_outsider_gets_no_form_of_address_relayed(make_peer, recipient):
    peer = make_peer(relay=False).hello()
    peer.send(b"MAIL FROM:<a@example.com>\r\n")

    assert peer.send(b"RCPT TO:" + recipient + b"\r\n")[:3] in (b"550", b"501")
    assert peer.send(b"DATA\r\n").startswith(b"554 ")


def test_one_recipient_too_many_is_for_the_next_message(make_peer):
    peer = make_peer(limits=Limits(max_recipients=3)).hello()
    peer.send(b"MAIL FROM:<a@example.com>\r\n")

    replies = [peer.send(b"RCPT TO:<%d@example.org>\r\n" % number)[:9] for number in range(4)]
    peer.send(b"DATA\r\n.\r\n")

    assert replies == [b"250 2.1.5"] * 3 + [b"452 4.5.3"]
    assert len(peer.envelopes[0].recipients) == 3


def test_errors_up_to_the_limit_are_answered_and_one_more_ends_it(peer):
    for _ in range(5):
        assert peer.send(b"FOO\r\n").startswith(b"500 ")

    assert peer.send(b"FOO\r\nNOOP\r\n").startswith(b"421 4.7.0 ")
    assert peer.closed
    assert peer.output.count(b"\r\n") == 6


def test_errors_of_different_kinds_count_together(make_peer):
    peer = make_peer(limits=Limits(max_errors=3)).hello()

    peer.send(b"EXPN x\r\n\xff\r\nNOOP\nX\r\n")

    assert not peer.closed
    peer.send(b"x" * 2000 + b"\r\n")
    assert peer.closed


def test_refused_recipients_are_no_protocol_errors(peer):
    peer.hello().send(b"MAIL FROM:<a@example.com>\r\n" + b"RCPT TO:<nobody>\r\n" * 100)

    assert peer.send(b"RCPT TO:<b@example.org>\r\n").startswith(b"250 ")


def test_a_pipeline_behind_a_refused_mail_costs_no_connection(peer):
    peer.hello().send(b"MAIL FROM:<bad>\r\n" + b"RCPT TO:<b@example.org>\r\n" * 50 + b"DATA\r\n")

    assert not peer.closed
    assert peer.send(b"MAIL FROM:<a@example.com>\r\n").startswith(b"250 ")


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1", b"GET /", b"CONNECT example.org:25 HTTP/1.1"])
def test_a_browser_is_shown_the_door_at_its_first_line(peer, line):
    peer.send(line + b"\r\nEHLO x\r\nMAIL FROM:<a@example.com>\r\n")

    assert peer.output.startswith(b"421 4.7.0 ")
    assert peer.closed
    assert peer.output.count(b"\r\n") == 1


@pytest.mark.parametrize(
    ("verb", "longest"), [(b"NOOP ", 512), (b"EHLO ", 512), (b"MAIL FROM:<a@example.com> X=", 1000)]
)
def test_a_command_line_is_taken_up_to_its_limit(peer, verb, longest):
    def reply(size):
        return peer.send(verb + b"x" * (size - len(verb) - 2) + b"\r\n")

    peer.hello()

    assert not reply(longest - 1).startswith(b"500 5.5.2")
    assert not reply(longest).startswith(b"500 5.5.2")
    assert reply(longest + 1) == b"500 5.5.2 Command line too long\r\n"


def test_an_endless_line_is_answered_once_and_held_nowhere(peer):
    for _ in range(100):
        peer.send(b"x" * 10_000)

    assert peer.output == b"500 5.5.2 Command line too long\r\n"
    assert peer.memory.held_bytes <= 1
    assert peer.send(b"\r\nNOOP\r\n") == b"250 2.0.0 OK\r\n"


def test_what_follows_a_bare_line_feed_is_not_run(peer):
    peer.hello()

    reply = peer.send(b"NOOP\nQUIT\nRSET\r\nNOOP\r\n")

    assert reply == b"500 5.5.2 Command must end in CRLF, not in a bare line feed\r\n250 2.0.0 OK\r\n"
    assert not peer.closed


def test_the_octets_of_a_refused_chunk_are_not_run(peer):
    peer.hello()
    payload = b"QUIT\r\nMAIL FROM:<x@example.com>\r\n"

    reply = peer.send(b"BDAT %d LAST\r\n" % len(payload) + payload + b"NOOP\r\n")

    assert reply == b"502 5.5.1 Command not implemented\r\n250 2.0.0 OK\r\n"


def test_a_chunk_of_unknown_length_ends_the_session(peer):
    assert peer.hello().send(b"BDAT many\r\nMAIL FROM:<x@example.com>\r\n").startswith(b"421 ")
    assert peer.closed


def test_fifty_pipelined_messages_are_fifty_messages_in_order(peer):
    one = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n%d\r\n.\r\n"

    peer.hello().send(b"".join(one % number for number in range(50)) + b"QUIT\r\n")

    assert [envelope.content.splitlines()[-1] for envelope in peer.envelopes] == [
        b"%d" % n for n in range(50)
    ]
    assert peer.closed


def test_no_command_is_run_while_a_message_waits_for_its_answer(make_peer):
    session = make_peer().begin().session

    step = session.receive(b".\r\nNOOP\r\nQUIT\r\n")

    assert step.envelope is not None
    assert (step.send, step.close) == (b"", False)
    assert session.receive(b"NOOP\r\n").send == b""
    step = session.answer(b"451 4.3.0 later\r\n")
    assert step.send.startswith(b"451 4.3.0 later\r\n250 2.0.0 OK\r\n221 ")
    assert step.close


def test_an_end_waits_for_the_answer_of_a_message(make_peer):
    session = make_peer().begin().session
    session.receive(b".\r\nNOOP\r\n")

    assert not session.end(b"421 4.3.2 bye\r\n", at_once=True).close
    step = session.answer(b"250 2.6.0 ok\r\n")

    assert step.send == b"250 2.6.0 ok\r\n421 4.3.2 bye\r\n"
    assert step.close


def test_an_end_lets_content_finish_unless_it_must_be_at_once(make_peer):
    first, second = make_peer().begin(), make_peer().begin()

    assert not first.session.end(b"421 4.3.2 bye\r\n").close
    first.send(b"x\r\n.\r\n")
    assert first.closed
    assert len(first.envelopes) == 1
    assert second.session.end(b"421 4.4.2 late\r\n", at_once=True).close


SCRIPTS = [
    b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n..x\r\n.y\r\n\r\n..\r\n.\r\nNOOP\r\nQUIT\r\n",
    b"EHLO c\r\nFOO\nNOOP\r\n\r\n\n\r\r\nMAIL FROM:<a@b.c>\r\nDATA\r\nRCPT TO:<d@e.f>\r\nDATA\r\n.\r\n.\r\n",
    b"EHLO c\r\nBDAT 9\r\nQUIT\r\nQUI\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\nDATA\r\na\n.\r\n\r\n.\r\nRSET\r\n",
    b"EHLO c\r\n" + b"y" * 90 + b"\n" + b"z" * 70 + b"\r\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
    + b"1234567\r\n" * 40 + b".\r\nNOOP\r\n",
]  # fmt: skip
SMALL = Limits(max_message_bytes=200, max_command_bytes=60, max_parameter_command_bytes=80, max_errors=50)


@given(script=st.sampled_from(SCRIPTS), cuts=st.lists(st.integers(0, 700), max_size=40))
def test_splitting_the_input_anywhere_changes_nothing(make_peer_class, script, cuts):
    whole, split = make_peer_class(limits=SMALL), make_peer_class(limits=SMALL)
    whole.send(script)
    edges = [0, *sorted(cuts), len(script)]

    for start, end in pairwise(edges):
        split.send(script[start:end])

    assert (split.output, split.envelopes, split.closed) == (whole.output, whole.envelopes, whole.closed)


@pytest.mark.parametrize("script", SCRIPTS)
def test_one_byte_at_a_time_changes_nothing(make_peer, script):
    whole, split = make_peer(limits=SMALL), make_peer(limits=SMALL)
    whole.send(script)

    for byte in script:
        split.send(bytes([byte]))

    assert (split.output, split.envelopes, split.closed) == (whole.output, whole.envelopes, whole.closed)


@given(noise=st.binary(max_size=600))
def test_noise_gets_clean_replies_and_no_message(make_peer_class, noise):
    peer = make_peer_class().hello()

    peer.send(noise + b"\r\n")

    assert not peer.envelopes
    assert all(32 <= byte < 127 or byte in (10, 13) for byte in peer.output)
    assert peer.output.count(b"\r\n") == peer.output.count(b"\n") == peer.output.count(b"\r")


@given(name=st.binary(max_size=300))
def test_no_helo_name_breaks_out_of_the_received_line(make_peer_class, name):
    peer = make_peer_class(limits=Limits(max_errors=50)).hello()
    peer.send(b"EHLO " + name + b"\r\n")
    peer.send(b"\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n.\r\n")

    for envelope in peer.envelopes:
        first, *folded = envelope.content.split(b"\r\n")[:-1]
        assert first.startswith(b"Received: from ")
        assert first.endswith(b" ([192.0.2.7])")
        assert [line[:1] for line in folded] == [b"\t", b"\t"]
        assert envelope.content.count(b"(") == envelope.content.count(b")") == 1


def test_memory_is_given_back(peer):
    peer.begin().send(b"x" * 500 + b"\r\n")
    assert peer.memory.held_bytes > 500

    peer.send(b".\r\n")
    assert peer.memory.held_bytes == 0

    peer.begin().send(b"y" * 500)
    peer.session.drop()
    assert peer.memory.held_bytes == 0


def test_a_message_that_waits_for_its_commit_counts_until_it_is_answered(make_peer):
    peer = make_peer().begin()
    peer.session.receive(b"x" * 500 + b"\r\n.\r\n")

    peer.session.drop()

    assert peer.memory.held_bytes == 502
    peer.session.answer(b"250 2.6.0 ok\r\n")
    assert peer.memory.held_bytes == 0


def test_when_memory_is_short_no_message_is_begun_and_a_growing_one_refused(make_peer):
    peer = make_peer(limits=Limits(max_buffered_bytes=1000)).begin()

    peer.send(b"x" * 900 + b"\r\n" + b"x" * 900)
    peer.send(b"x\r\n")

    assert peer.memory.held_bytes < 10
    assert peer.send(b".\r\n").startswith(b"452 4.3.1 ")
    peer.memory.held_bytes += 1001
    assert peer.send(b"MAIL FROM:<a@example.com>\r\n").startswith(b"452 4.3.1 ")
