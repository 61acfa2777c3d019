"""The envelope of a message travels with the content of the one before (RFC 2920 section 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.support import smtp_peer
from transport import judged

SHORT = timedelta(seconds=0.3)
GOOD = "250 2.0.0 ok"
OUT_OF_STEP = "421 4.5.0 Protocol error: "
CLOSED = "421 4.4.2 Connection dropped"
SILENT = "421 4.4.2 Timed out"


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


def discard_input(talk: smtp_peer.Talk) -> None:
    """Refuse, and forget what came behind it."""
    talk.say(b"554 5.6.0 no\r\n")
    talk.buffer = b""


def answer_the_envelope_first(talk: smtp_peer.Talk) -> None:
    """The answers to MAIL, RCPT and DATA, and then the one to the dot before them."""
    for _ in range(3):
        talk.read_line()
    talk.say(b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 go\r\n250 2.0.0 taken\r\n")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What the host does where two messages meet, and what becomes of both."""

    dot: object = GOOD
    """To the dot of the first message; every later one is taken."""
    then: Mapping[str, object] = field(default_factory=dict)
    """To the envelope of the second message, by command."""
    first: str = GOOD
    """How the reply begins that decides about it."""
    doubt: bool = False
    """The first may have arrived; never the second."""
    second: str = GOOD
    connections: int = 1
    one_by_one: bool = False
    """From now on this host gets one command at a time."""


CELLS = {
    "the dot is answered 4yz": Cell(dot="450 4.2.0 not now", first="450 4.2.0"),
    "the dot is answered 5yz": Cell(dot="554 5.6.0 never", first="554 5.6.0"),
    "the dot is answered 421": Cell(dot="421 4.3.2 closing", first="421 4.3.2", connections=2),
    "the dot is answered 421, then the end": Cell(
        dot=smtp_peer.say_and_close(b"421 4.3.2 closing\r\n"), first="421 4.3.2", connections=2
    ),
    "closed at the dot": Cell(dot=smtp_peer.close, first=CLOSED, doubt=True, connections=2),
    "reset at the dot": Cell(dot=smtp_peer.reset, first=CLOSED, doubt=True, connections=2),
    "no answer to the dot": Cell(dot=smtp_peer.hang, first=SILENT, doubt=True, connections=2),
    "the dot is answered too slowly": Cell(
        dot=smtp_peer.drip(b"250-wait\r\n" * 900), first=SILENT, doubt=True, connections=2
    ),
    "half an answer to the dot": Cell(
        dot=smtp_peer.say_and_close(b"250-ok\r\n25"), first=CLOSED, doubt=True, connections=2
    ),
    "garbage at the dot": Cell(
        dot=b"\xff\xfe<html>\r\n", first=OUT_OF_STEP, doubt=True, connections=2, one_by_one=True
    ),
    "the dot is answered 354": Cell(
        dot="354 go on", first=OUT_OF_STEP, doubt=True, connections=2, one_by_one=True
    ),
    "an endless yes to the dot": Cell(
        dot=smtp_peer.endless(b"250-yes\r\n"), first="250 yes", connections=2, one_by_one=True
    ),
    "an endless no to the dot": Cell(
        dot=smtp_peer.endless(b"550-no\r\n"), first=OUT_OF_STEP, connections=2, one_by_one=True
    ),
    "the dot is answered byte by byte": Cell(dot=smtp_peer.split(b"250-2.0.0 ok\r\n250 2.0.0 ok\r\n")),
    "two answers to the dot": Cell(
        dot=b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n", second=OUT_OF_STEP, one_by_one=True
    ),
    "a yes and a no to the dot": Cell(
        dot=b"250 2.0.0 ok\r\n554 5.6.0 no\r\n", second=OUT_OF_STEP, one_by_one=True
    ),
    "refused, and what came behind is discarded": Cell(
        dot=discard_input, first="554 5.6.0", connections=2, one_by_one=True
    ),
    # Its first answer counts, as it must: nothing tells it from the right one.
    "the envelope is answered before the dot": Cell(
        dot=answer_the_envelope_first, first="250 2.1.0", second=OUT_OF_STEP, one_by_one=True
    ),
    "cut between the two": Cell(dot=smtp_peer.say_and_close(b"250 2.0.0 ok\r\n"), connections=2),
    "MAIL refused for now": Cell(then={"MAIL": "451 4.3.0 later"}, second="451 4.3.0"),
    "MAIL refused for good": Cell(then={"MAIL": "550 5.7.1 no"}, second="550 5.7.1"),
    "MAIL answered 421": Cell(then={"MAIL": "421 4.7.0 enough"}, connections=2),
    "closed at MAIL": Cell(then={"MAIL": smtp_peer.close}, connections=2),
    "no answer to MAIL": Cell(then={"MAIL": smtp_peer.hang}, connections=2, one_by_one=True),
    "RCPT refused for now, 354 all the same": Cell(then={"RCPT": "450 4.2.1 busy"}, second="450 4.2.1"),
    "RCPT refused for good, 354 all the same": Cell(then={"RCPT": "550 5.1.1 who"}, second="550 5.1.1"),
    "RCPT and DATA refused": Cell(
        then={"RCPT": "550 5.1.1 who", "DATA": "503 5.5.1 no recipients"}, second="550 5.1.1"
    ),
    "RCPT answered 421": Cell(then={"RCPT": "421 4.7.0 enough"}, second="421 4.7.0"),
    "closed at RCPT": Cell(then={"RCPT": smtp_peer.close}, second=CLOSED),
    "DATA refused for now": Cell(then={"DATA": "451 4.3.0 later"}, second="451 4.3.0"),
    "DATA refused for good": Cell(then={"DATA": "554 5.3.0 no"}, second="554 5.3.0"),
    "DATA answered 250": Cell(then={"DATA": GOOD}, second=OUT_OF_STEP, one_by_one=True),
    "closed at DATA": Cell(then={"DATA": smtp_peer.close}, second=CLOSED),
}
SLOW = {"the dot is answered too slowly", "refused, and what came behind is discarded"}
FIRST, SECOND, THIRD = (f"Subject: {name}\r\n\r\nHello.\r\n".encode() for name in ("one", "two", "three"))


def send_as_a_session_does(client, messages, *, dial):
    """Send them all, each over the open connection or a new one, as `delivery.Attempt` does."""
    results = []
    for at, message in enumerate(messages):
        following = (lambda follower=messages[at + 1]: follower) if at + 1 < len(messages) else lambda: None
        if not client.open:
            dial()
        result = client.send(message, following=following)
        out_of_step = result.out_of_step
        if judged.host_refusal(result) is not None:
            client.quit()
            dial()
            result = client.send(message, following=following)
        results.append((result, out_of_step or result.out_of_step))
    return results


@pytest.fixture
def meet(peer_for, host_of, new_client, timeouts, tls_for):
    """A peer, a client, and how to dial: `meet(script, encrypted=..., seconds=...)`."""

    def build(script, *, encrypted, **short):
        peer = peer_for(script, tls=tls_for("mx.peer.test") if encrypted else None)
        client = new_client(timeouts=timeouts(**short))
        return peer, client, lambda: client.connect(host_of(peer))

    return build


def script_of(cell):
    script = {smtp_peer.DOT: [cell.dot, GOOD]}
    for verb, act in cell.then.items():
        good = "354 go" if verb == "DATA" else GOOD
        script[verb] = [good, act, good]
    return script


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "TLS"])
@pytest.mark.parametrize("name", CELLS)
def test_where_two_messages_meet_each_gets_its_own_fate_once(meet, message, name, encrypted):
    cell = CELLS[name]
    slow = smtp_peer.hang in (cell.dot, *cell.then.values()) or name in SLOW
    short = {"dot": SHORT, "mail": SHORT} if slow else {}
    peer, client, dial = meet(script_of(cell), encrypted=encrypted, **short)
    (first, at_first), (second, at_second), (third, _) = send_as_a_session_does(
        client,
        [message(one) for one in (FIRST, SECOND, THIRD)],
        dial=dial,
    )

    assert first.replies[0][1].line.startswith(cell.first)
    assert second.replies[0][1].line.startswith(cell.second)
    assert (first.in_doubt, second.in_doubt, third.in_doubt) == (cell.doubt, False, False)
    assert (at_first or at_second) == cell.one_by_one
    assert third.replies[0][1].line == GOOD
    # What the host holds: the first once, whatever it said; the others as often as it was said.
    assert [content for content in peer.contents if content] == [
        FIRST,
        *([SECOND] if cell.second == GOOD else []),
        THIRD,
    ]
    after_the_second = len(peer.talks) - (0 if second.session_open else 1)
    assert after_the_second == cell.connections


@pytest.mark.parametrize("when", ["clear", "TLS"])
def test_a_host_that_pipelines_only_before_tls_hears_one_command_at_a_time_behind_it(meet, message, when):
    def greet(talk: smtp_peer.Talk) -> None:
        pipelines = talk.encrypted == (when == "TLS")
        talk.say(b"250-peer.test\r\n" + b"250-PIPELINING\r\n" * pipelines + b"250 STARTTLS\r\n")

    peer, client, dial = meet({"EHLO": greet, smtp_peer.DOT: in_one_write}, encrypted=True)
    dial()
    results = send_all(client, [message(), message()])

    assert codes(results) == [[250], [250]]
    assert bool(peer.talk.behind) == (when == "TLS")
