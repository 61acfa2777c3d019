"""The worker is killed at moments that the receiving server chooses: nothing is lost, little is double.

client ──▶ program ──▶ peer that kills the worker: at the dot, behind its answer, inside the content, …
"""

import pytest

from tests.support.smtp_peer import DOT

pytestmark = pytest.mark.flow
MESSAGES = 12
LINE = "y" * 70
LINES = 8000


def arrive_with_at_most_one_second_copy_for_each_open_session(told):
    told.wait_arrived()

    assert told.open_at_kill >= 1
    assert told.doubled() <= told.open_at_kill


def test_killed_while_the_peer_has_the_dot_and_has_not_answered(story):
    told = story("dot")
    told.let(DOT, told.kill_worker, after=4)
    told.hand_in_at_once(MESSAGES)

    arrive_with_at_most_one_second_copy_for_each_open_session(told)


def test_killed_behind_the_answer_to_the_dot(story):
    def answer_and_kill(talk):
        talk.say(b"250 2.0.0 ok\r\n")
        told.kill_worker(talk)

    told = story("answered")
    told.let(DOT, answer_and_kill, after=4)
    told.hand_in_at_once(MESSAGES)

    arrive_with_at_most_one_second_copy_for_each_open_session(told)


def test_killed_inside_the_content_leaves_no_half_message(story):
    def read_some_and_kill(talk):
        talk.say(b"354 go on\r\n")
        talk.read()
        told.kill_worker(talk)

    told = story("content")
    told.let("DATA", read_some_and_kill, after=3)
    told.hand_in_at_once(MESSAGES // 2, text="\r\n".join([LINE] * LINES))

    arrive_with_at_most_one_second_copy_for_each_open_session(told)
    assert {content.count(LINE.encode()) for content in told.peer.contents} == {LINES}


def test_killed_with_the_envelope_of_the_next_message_on_the_wire(story):
    told = story("envelope")
    told.let("MAIL", told.kill_worker, after=4)
    told.hand_in_at_once(MESSAGES)

    arrive_with_at_most_one_second_copy_for_each_open_session(told)
