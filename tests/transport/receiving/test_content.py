"""What may stand between DATA and the final dot, at its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.receiving.content import unstuff
from transport.receiving.limits import Limits

LINES = st.lists(st.sampled_from([b"", b".", b"..", b"...x", b"x.", b"text", b". "]), max_size=30)


def stuff(content):
    """Write content as a client does (RFC 5321 4.5.2), line by line."""
    lines = content.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


@given(lines=LINES)
def test_unstuffing_undoes_stuffing(lines):
    content = b"".join(line + b"\r\n" for line in lines)

    assert unstuff(b"\r\n" + stuff(content)) == content


@given(lines=LINES)
def test_what_was_stuffed_arrives_unchanged_through_a_session(make_peer_class, lines):
    content = b"".join(line + b"\r\n" for line in lines)
    peer = make_peer_class().begin()

    assert peer.send(stuff(content) + b".\r\n").startswith(b"250 2.6.0 ")
    assert peer.envelopes[0].content.endswith(b"+0000\r\n" + content)


def send(peer, content):
    """Return the reply to content that needs no stuffing; the session must be in step afterwards."""
    reply = peer.begin().send(content + b".\r\n")
    assert peer.send(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"
    return reply


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"a\nb", b"line feed"),
        (b"a\rb", b"carriage return"),
        (b"a\0b", b"NUL"),
        (b"a\r\r\nb", b"carriage return"),
    ],
)
def test_a_bare_line_end_or_nul_is_refused_by_name(peer, body, named):
    reply = send(peer, b"Subject: x\r\n\r\n" + body + b"\r\n")

    assert reply.startswith(b"550 5.6.11 ")
    assert named in reply
    assert not peer.envelopes


@pytest.mark.parametrize(("size", "code"), [(999, b"250"), (1000, b"250"), (1001, b"552")])
@pytest.mark.parametrize("line", [b"x\r\n", b".\r\n"])
def test_the_size_limit_counts_the_content_without_stuffing(make_peer, size, code, line):
    peer = make_peer(limits=Limits(max_message_bytes=1000))
    content = line * 300 + b"y" * (size - 902) + b"\r\n"

    assert len(content) == size
    assert send(peer, stuff(content)).startswith(code + b" ")


def test_a_message_far_over_the_limit_is_read_away_without_keeping_it(make_peer):
    peer = make_peer(limits=Limits(max_message_bytes=1000)).begin()
    most = 0

    for _ in range(500):
        peer.send(b"x" * 98 + b"\r\n")
        most = max(most, peer.memory.held_bytes)

    assert most < 1500
    assert peer.send(b".\r\n").startswith(b"552 5.3.4 ")
    assert peer.send(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"
    assert not peer.envelopes


@pytest.mark.parametrize(("size", "code"), [(999, b"250 2.6.0"), (1000, b"250 2.6.0"), (1001, b"550 5.6.0")])
@pytest.mark.parametrize("before", [0, 1, 999, 1500])
def test_a_line_may_have_1000_octets_with_its_end(peer, size, code, before):
    content = b"short\r\n" * before + b"x" * (size - 2) + b"\r\n" + b"short\r\n" * 3

    assert send(peer, content).startswith(code + b" ")


@pytest.mark.parametrize(("size", "code"), [(999, b"250 2.6.0"), (1000, b"250 2.6.0"), (1001, b"552 5.3.4")])
def test_the_header_has_a_limit_of_its_own(make_peer, size, code):
    peer = make_peer(limits=Limits(max_header_bytes=1000))
    header = b"X: " + b"y" * (size - 3 - 2 - 20) + b"\r\n" + b"Z: " + b"z" * 15 + b"\r\n"

    assert len(header) == size
    assert send(peer, header + b"\r\n" + b"body\r\n" * 500).startswith(code + b" ")


@pytest.mark.parametrize(("hops", "code"), [(29, b"250 2.6.0"), (30, b"250 2.6.0"), (31, b"554 5.4.6")])
def test_mail_that_went_through_too_many_hops_is_a_loop(peer, hops, code):
    names = (b"Received", b"RECEIVED", b"received")
    header = b"".join(b"%s: from a\r\n by b\r\n" % names[number % 3] for number in range(hops))

    assert send(peer, header + b"\r\nReceived: in the body\r\n").startswith(code + b" ")


def test_a_lie_about_the_size_changes_nothing(make_peer):
    peer = make_peer(limits=Limits(max_message_bytes=1000)).hello()
    peer.send(b"MAIL FROM:<a@example.com> SIZE=10\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

    assert peer.send(b"x" * 600 + b"\r\n" + b"x" * 600 + b"\r\n.\r\n").startswith(b"552 5.3.4 ")


def test_eight_bit_content_and_headers_pass_unaltered(peer):
    content = b"Subject: \xff\xfe caf\xc3\xa9\r\n\r\n\x80\x81\x1b[31m\r\n"

    assert send(peer, content).startswith(b"250 ")
    assert peer.envelopes[0].content.endswith(content)
