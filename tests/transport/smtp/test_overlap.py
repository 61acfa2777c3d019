"""The envelope of a message travels with the content of the one before (RFC 2920 section 3.1)."""

import pytest

from tests.support import smtp_peer


def in_one_write(talk: smtp_peer.Talk) -> None:
    """Answer the dot, and note what had come behind the first one by then."""
    talk.behind = getattr(talk, "behind", talk.buffer)
    talk.say(b"250 2.0.0 ok\r\n")


def send_all(client, messages):
    """Send the messages, each naming its follower; returns their results."""
    results = []
    for at, message in enumerate(messages):
        follower = messages[at + 1] if at + 1 < len(messages) else None
        results.append(client.send(message, following=lambda follower=follower: follower))
    return results


def codes(results):
    return [[reply.code for _, reply in result.replies] for result in results]


def test_the_next_envelope_comes_behind_the_final_dot(connected, message):
    peer, client = connected({smtp_peer.DOT: in_one_write})
    results = send_all(client, [message(), message(recipients=("eva@peer.test",))])

    assert codes(results) == [[250], [250]]
    assert peer.talk.behind.startswith(b"MAIL FROM:<anna@contoso.test>")
    assert peer.talk.commands[-2:] == ["RCPT TO:<eva@peer.test>", "DATA"]
    assert len(peer.talk.contents) == 2


def test_a_host_that_does_not_pipeline_hears_the_next_envelope_after_its_answer(connected, message):
    peer, client = connected({smtp_peer.DOT: in_one_write}, offers=())
    results = send_all(client, [message(), message()])

    assert codes(results) == [[250], [250]]
    assert peer.talk.behind == b""


def test_a_refused_message_does_not_touch_the_next_one(connected, message):
    peer, client = connected({smtp_peer.DOT: ["554 5.6.0 no", "250 2.0.0 ok"]})
    results = send_all(client, [message(), message()])

    assert codes(results) == [[554], [250]]
    assert len(peer.talk.contents) == 2


def test_a_next_message_that_nobody_takes_gets_an_empty_end_and_the_one_after_it_goes(connected, message):
    rcpt = ["250 2.1.5 ok", "550 5.1.1 unknown", "250 2.1.5 ok"]
    peer, client = connected({"RCPT": rcpt})
    results = send_all(client, [message(), message(), message()])

    assert codes(results) == [[250], [550], [250]]
    assert [content for content in peer.talk.contents if content] == [message().content[0]] * 2


def test_a_connection_that_breaks_at_the_dot_decides_nothing_about_the_next_message(connected, message):
    _, client = connected({smtp_peer.DOT: smtp_peer.close})
    first, second = send_all(client, [message(), message()])

    assert first.in_doubt
    assert not second.in_doubt
    assert second.replies[0][1].stage == "MAIL"
    assert not second.replies[0][1].remote


def test_who_leaves_between_two_messages_sends_nothing_that_could_become_one(connected, message):
    """The host has said 354: a QUIT would be content, and the end of the connection must not be a dot."""
    peer, client = connected()
    second = message(recipients=("eva@peer.test",))
    client.send(message(), following=lambda: second)
    client.quit()

    assert len(peer.talk.contents) <= 1
    assert "QUIT" not in peer.talk.commands


def test_another_message_than_the_one_that_was_begun_is_a_defect_and_is_not_sent(connected, message):
    peer, client = connected()
    client.send(message(), following=lambda: message(recipients=("eva@peer.test",)))
    with pytest.raises(RuntimeError, match="the message that `following` named"):
        client.send(message())
    client.quit()

    assert len(peer.talk.contents) <= 1


def test_a_host_that_gives_an_answer_too_many_behind_the_dot_is_not_believed(connected, message):
    """The extra answer would shift every one of the next message: none of them may count."""
    peer, client = connected({smtp_peer.DOT: b"250 2.0.0 ok\r\n250 2.0.0 ok again\r\n"})
    first, second = send_all(client, [message(), message()])

    assert first.replies[0][1].code == 250
    assert second.out_of_step
    assert second.replies[0][1].enhanced == "4.5.0"
    assert len(peer.talk.contents) == 1


def test_what_goes_wrong_before_the_dot_sends_neither_the_dot_nor_the_next_envelope(connected, message):
    def stop() -> None:
        raise KeyboardInterrupt

    peer, client = connected()
    with pytest.raises(KeyboardInterrupt):
        client.send(message(), before_dot=stop, following=message)

    assert not peer.talk.contents
    assert not client.open
