"""A server under back pressure keeps its connections, and takes no mail."""

import pytest

from transport.back_pressure import Level

REFUSED = b"452 4.3.1 Insufficient system resources\r\n"
MAIL = b"MAIL FROM:<a@example.com>\r\n"


@pytest.mark.parametrize(
    ("level", "insider", "reply"),
    [
        (Level.NORMAL, False, b"250 2.1.0 Sender OK\r\n"),
        (Level.MEDIUM, True, b"250 2.1.0 Sender OK\r\n"),
        (Level.MEDIUM, False, REFUSED),
        (Level.HIGH, True, REFUSED),
    ],
)
def test_mail_is_refused_at_medium_to_strangers_and_at_high_to_all(make_peer, level, insider, reply):
    peer = make_peer(relay=insider).hello()
    peer.pressure.level = level

    assert peer.send(MAIL) == reply
    assert not peer.closed


def test_the_same_connection_goes_on_when_the_pressure_is_over(peer):
    peer.hello()
    peer.pressure.level = Level.HIGH
    assert [peer.send(MAIL) for _ in range(20)] == [REFUSED] * 20

    peer.pressure.level = Level.NORMAL
    assert peer.send(MAIL).startswith(b"250 ")


def test_a_message_whose_mail_was_taken_is_finished_whatever_comes(peer):
    peer.begin()
    peer.pressure.level = Level.HIGH

    assert peer.send(b"Hello.\r\n.\r\n").startswith(b"250 2.6.0 ")
    assert len(peer.envelopes) == 1
