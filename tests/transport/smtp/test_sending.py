import threading

import pytest

from tests.support.smtp_peer import Hangup, close, say_and_close, split
from transport.envelope import Stage
from transport.smtp.content import BLOCK_BYTES

ONE_BY_ONE = ("8BITMIME", "SIZE 10000000")
PIPELINED = ("PIPELINING", *ONE_BY_ONE)
OFFERS = pytest.mark.parametrize("offers", [ONE_BY_ONE, PIPELINED], ids=["one by one", "pipelined"])


def lines(result):
    return [(recipient, reply.stage, reply.line) for recipient, reply in result.replies]


def by_recipient(**replies):
    """Answer RCPT by the local part."""

    def act(talk):
        local = talk.commands[-1].partition("<")[2].partition("@")[0]
        talk.say(replies.get(local, "250 2.1.5 ok").encode() + b"\r\n")

    return act


@OFFERS
def test_a_message_is_delivered_byte_for_byte(connected, message, offers):
    content = b"Received: by us\r\n\r\nline\r\n.hidden\r\n..two\r\n\r\n.\r\nend\r\n"
    peer, client = connected(offers=offers)

    result = client.send(message(content))

    assert lines(result) == [("bob@peer.test", Stage.DOT, "250 2.0.0 queued as 7")]
    assert (result.in_doubt, result.session_open) == (False, True)
    assert [stuffed.replace(b"\r\n.", b"\r\n") for stuffed in peer.contents] == [content]
    assert result.replies[0][1].remote


@OFFERS
def test_the_commands_are_those_of_the_transaction(connected, message, offers):
    peer, client = connected(offers=offers)

    client.send(message(b"a\r\n", mail_from="", recipients=("bob@peer.test", "eve@peer.test")))

    assert peer.talk.commands[1:] == [
        "MAIL FROM:<> SIZE=3",
        "RCPT TO:<bob@peer.test>",
        "RCPT TO:<eve@peer.test>",
        "DATA",
    ]


@OFFERS
def test_one_session_carries_many_messages(connected, message, offers):
    peer, client = connected(offers=offers)

    results = [client.send(message(b"%d\r\n" % number)) for number in range(5)]

    assert all(result.replies[0][1].line == "250 2.0.0 queued as 7" for result in results)
    assert peer.contents == [b"%d\r\n" % number for number in range(5)]
    assert "RSET" not in peer.talk.commands


def test_the_envelope_travels_in_one_write(connected, message):
    """A peer that answers nothing before it has seen DATA gets along with us only if we do not wait."""
    together = threading.Event()

    def wait_for_data(talk):
        while b"DATA\r\n" not in talk.buffer:
            talk.read()
        together.set()
        talk.say(b"250 ok\r\n")

    _, client = connected({"MAIL": wait_for_data})

    assert client.send(message()).replies[0][1].code == 250
    assert together.is_set()


def test_without_pipelining_nothing_is_sent_ahead(connected, message):
    ahead = []

    def look(reply):
        def act(talk):
            ahead.append(talk.buffer)
            talk.say(reply)

        return act

    _, client = connected(
        {
            "MAIL": look(b"250 ok\r\n"),
            "RCPT": look(b"250 ok\r\n"),
            "DATA": "354 go",
            "DOT": look(b"250 ok\r\n"),
        },
        offers=ONE_BY_ONE,
    )

    assert client.send(message()).replies[0][1].code == 250
    assert ahead == [b"", b"", b""]


def test_a_client_told_not_to_pipeline_does_not(connected, message, new_client):
    """A host that was out of step once gets one command at a time."""
    alone = []

    def look(talk):
        alone.append(talk.buffer == b"")
        talk.say(b"250 ok\r\n")

    _, client = connected({"MAIL": look, "RCPT": look}, offers=PIPELINED, client=new_client(pipelining=False))

    client.send(message())

    assert alone == [True, True]


@pytest.mark.parametrize("count", [1, 97, 98, 99, 100, 101, 250])
@OFFERS
def test_every_recipient_keeps_its_own_reply(connected, message, offers, count):
    recipients = tuple(f"r{number}@peer.test" for number in range(count))
    busy, unknown = "450 4.2.1 busy", "550 5.1.1 unknown"
    replies = {f"r{number}": (busy, unknown)[number % 3 - 1] for number in range(count) if number % 3}
    peer, client = connected({"RCPT": by_recipient(**replies)}, offers=offers)

    result = client.send(message(recipients=recipients))

    assert [recipient for recipient, _ in result.replies] == list(recipients)
    assert [reply.line for _, reply in result.replies] == [
        replies.get(f"r{number}", "250 2.0.0 queued as 7") for number in range(count)
    ]
    assert len(peer.contents) == 1


def test_long_replies_to_many_recipients_block_nobody(connected, message):
    recipients = tuple(f"r{number}@peer.test" for number in range(600))
    long_reply = b"250-" + b"x" * 400 + b"\r\n"
    _, client = connected({"RCPT": long_reply * 5 + b"250 ok\r\n"})

    result = client.send(message(recipients=recipients))

    assert {reply.code for _, reply in result.replies} == {250}


@OFFERS
def test_a_refused_sender_refuses_all_recipients(connected, message, offers):
    peer, client = connected(
        {"MAIL": ["550 5.1.8 no", "250 ok"], "RCPT": ["503 no", "250 ok"][:1]}, offers=offers
    )

    result = client.send(message(recipients=("bob@peer.test", "eve@peer.test")))

    assert lines(result) == [
        ("bob@peer.test", Stage.MAIL, "550 5.1.8 no"),
        ("eve@peer.test", Stage.MAIL, "550 5.1.8 no"),
    ]
    assert result.session_open
    assert peer.contents == [b""] * ("PIPELINING" in offers)


@OFFERS
def test_the_session_goes_on_after_every_recipient_was_refused(connected, message, offers):
    peer, client = connected(
        {"RCPT": ["550 5.1.1 unknown", "250 ok"], "DATA": ["554 5.5.1 no recipients", "354 go"]}
        if "PIPELINING" in offers
        else {"RCPT": ["550 5.1.1 unknown", "250 ok"]},
        offers=offers,
    )

    refused, taken = client.send(message(b"one\r\n")), client.send(message(b"two\r\n"))

    assert lines(refused) == [("bob@peer.test", Stage.RCPT, "550 5.1.1 unknown")]
    assert lines(taken) == [("bob@peer.test", Stage.DOT, "250 2.0.0 queued as 7")]
    assert peer.talk.commands.count("RSET") == 1
    assert peer.contents == [b"two\r\n"]


def test_a_host_that_wants_content_for_nobody_gets_a_lone_dot(connected, message):
    """RFC 2920 section 3.1."""
    peer, client = connected(
        {"RCPT": ["550 5.1.1 unknown", "250 ok"], "DOT": ["554 5.5.1 no valid recipients", "250 2.0.0 taken"]}
    )

    refused, taken = client.send(message(b"one\r\n")), client.send(message(b"two\r\n"))

    assert lines(refused) == [("bob@peer.test", Stage.RCPT, "550 5.1.1 unknown")]
    assert (refused.in_doubt, refused.session_open) == (False, True)
    assert lines(taken) == [("bob@peer.test", Stage.DOT, "250 2.0.0 taken")]
    assert peer.contents == [b"", b"two\r\n"]
    assert "RSET" not in peer.talk.commands


def test_a_lone_dot_answered_with_250_delivers_nothing(connected, message):
    peer, client = connected({"RCPT": "550 5.1.1 unknown"})

    result = client.send(message())

    assert lines(result) == [("bob@peer.test", Stage.RCPT, "550 5.1.1 unknown")]
    assert peer.contents == [b""]


@OFFERS
@pytest.mark.parametrize("verb", ["DATA", "DOT"])
@pytest.mark.parametrize("said", ["451 4.3.0 later", "554 5.7.1 spam"])
def test_a_refusal_at_data_or_dot_is_for_all_who_were_accepted(connected, message, offers, verb, said):
    peer, client = connected(
        {
            verb: [said, "354 go" if verb == "DATA" else "250 ok"],
            "RCPT": by_recipient(eve="550 5.1.1 unknown"),
        },
        offers=offers,
    )

    result = client.send(message(recipients=("bob@peer.test", "eve@peer.test", "kim@peer.test")))

    assert lines(result) == [
        ("bob@peer.test", verb, said),
        ("eve@peer.test", Stage.RCPT, "550 5.1.1 unknown"),
        ("kim@peer.test", verb, said),
    ]
    assert (result.in_doubt, result.session_open) == (False, True)
    assert client.send(message()).replies[0][1].code == 250
    assert peer.talk.commands.count("RSET") == (verb == "DATA")


@OFFERS
def test_421_to_one_recipient_closes_and_keeps_what_was_decided(connected, message, offers):
    _, client = connected(
        {"RCPT": by_recipient(eve="550 5.1.1 unknown", kim="421 4.3.2 closing")}, offers=offers
    )

    result = client.send(
        message(recipients=tuple(f"{name}@peer.test" for name in ("bob", "eve", "kim", "zoe")))
    )

    assert [reply.line for _, reply in result.replies] == [
        "421 4.3.2 closing",
        "550 5.1.1 unknown",
        "421 4.3.2 closing",
        "421 4.3.2 closing",
    ]
    assert not result.session_open
    assert not client.open


def test_nothing_is_sent_over_a_session_that_is_closed(connected, message):
    _, client = connected({"MAIL": "421 4.3.2 closing"})
    client.send(message())

    result = client.send(message())

    assert result.replies[0][1].line == "421 4.4.2 The session is closed"
    assert (result.replies[0][1].remote, result.session_open) == (False, False)


def test_a_host_that_went_away_between_two_messages_got_neither_a_dot_nor_a_doubt(connected, message):
    def idle_too_long(talk):
        talk.say(b"250 2.0.0 taken\r\n")
        gone.wait(20)
        talk.say(b"421 4.4.2 idle for too long\r\n")
        said.set()
        raise Hangup

    gone, said = threading.Event(), threading.Event()
    _, client = connected({"DOT": idle_too_long})
    client.send(message())
    gone.set()
    assert said.wait(20)

    result = client.send(message())

    assert lines(result) == [("bob@peer.test", Stage.MAIL, "421 4.4.2 idle for too long")]
    assert (result.in_doubt, result.session_open) == (False, False)


# What the host cannot take


def test_a_message_larger_than_the_host_takes_is_not_begun(connected, message):
    peer, client = connected(offers=["SIZE 1000"])

    result = client.send(message(b"x\r\n" * 334, recipients=("bob@peer.test", "eve@peer.test")))

    assert {reply.line for _, reply in result.replies} == {
        "552 5.3.4 The message has 1002 bytes, the host takes 1000"
    }
    assert {(reply.stage, reply.remote) for _, reply in result.replies} == {(Stage.MAIL, False)}
    assert result.session_open
    assert peer.talk.commands[1:] == []


def test_a_message_of_just_the_size_goes(connected, message):
    _, client = connected(offers=["SIZE 999"])

    assert client.send(message(b"x\r\n" * 333)).replies[0][1].code == 250


def test_eight_bit_content_needs_8bitmime(connected, message):
    peer, client = connected(offers=["SMTPUTF8"])

    result = client.send(message("Subject: a\r\n\r\nå\r\n".encode()))

    assert result.replies[0][1].line.startswith("554 5.6.3 ")
    assert (result.replies[0][1].stage, result.replies[0][1].remote) == (Stage.MAIL, False)
    assert result.session_open
    assert peer.talk.commands[1:] == []


def test_eight_bit_content_is_announced(connected, message):
    peer, client = connected(offers=["8BITMIME"])
    content = "Subject: a\r\n\r\nå\r\n".encode()

    assert client.send(message(content)).replies[0][1].code == 250
    assert peer.talk.commands[1] == "MAIL FROM:<anna@contoso.test> BODY=8BITMIME"
    assert peer.contents == [content]


def test_ascii_that_was_announced_as_8bitmime_goes_anywhere(connected, message):
    _, client = connected(offers=[])

    assert client.send(message(eight_bit=True)).replies[0][1].code == 250


def test_a_sender_that_needs_smtputf8_is_refused_for_all(connected, message):
    peer, client = connected(offers=["8BITMIME"])

    result = client.send(
        message(mail_from="ånna@contoso.test", recipients=("bob@peer.test", "eve@peer.test"))
    )

    assert {(reply.code, reply.enhanced, reply.stage) for _, reply in result.replies} == {
        (550, "5.6.7", Stage.MAIL)
    }
    assert peer.talk.commands[1:] == []


def test_a_recipient_that_needs_smtputf8_is_refused_alone(connected, message):
    peer, client = connected(offers=["8BITMIME"])

    result = client.send(message(recipients=("bøb@peer.test", "eve@peer.test")))

    (_, refused), (_, taken) = result.replies
    assert (refused.code, refused.enhanced, refused.stage, refused.remote) == (
        550,
        "5.6.7",
        Stage.RCPT,
        False,
    )
    assert taken.line == "250 2.0.0 queued as 7"
    assert peer.talk.commands[1:] == ["MAIL FROM:<anna@contoso.test>", "RCPT TO:<eve@peer.test>", "DATA"]


def test_smtputf8_is_used_where_it_is_needed_and_offered(connected, message):
    peer, client = connected(offers=["8BITMIME", "SMTPUTF8"])

    result = client.send(message(recipients=("bøb@peer.test",)))

    assert result.replies[0][1].code == 250
    assert peer.talk.commands[1:3] == ["MAIL FROM:<anna@contoso.test> SMTPUTF8", "RCPT TO:<bøb@peer.test>"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("Subject: å\r\n\r\nbody\r\n", 550),
        ("Subject: a\r\n\r\nbodå\r\n", 250),
        ("Subject: a\r\n\r\nbody\r\n", 250),
    ],
)
def test_an_smtputf8_message_needs_it_only_for_its_header(connected, message, content, code):
    _, client = connected(offers=["8BITMIME"])
    raw = content.encode()

    for at in range(len(raw)):
        chunks = (raw[:at], raw[at:])
        assert client.send(message(chunks, smtputf8=True)).replies[0][1].code == code


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mail_from": "a b@contoso.test"}, [(553, "5.1.7", Stage.MAIL), (553, "5.1.7", Stage.MAIL)]),
        (
            {"recipients": ("bob@peer.test>\r\nDATA", "eve@peer.test")},
            [(553, "5.1.3", Stage.RCPT), (250, "2.0.0", Stage.DOT)],
        ),
        ({"recipients": ("", "\0")}, [(553, "5.1.3", Stage.RCPT), (553, "5.1.3", Stage.RCPT)]),
    ],
)
def test_an_address_that_would_break_the_line_never_reaches_the_wire(connected, message, fields, expected):
    peer, client = connected()
    fields.setdefault("recipients", ("bob@peer.test", "eve@peer.test"))

    result = client.send(message(**fields))

    assert [(reply.code, reply.enhanced, reply.stage) for _, reply in result.replies] == expected
    assert result.session_open
    assert not [line for line in peer.talk.commands if "bob" in line or " b@" in line]


def test_no_recipients_is_no_transaction(connected, message):
    peer, client = connected()

    assert client.send(message(recipients=())).replies == ()
    assert peer.talk.commands[1:] == []


# The final dot


@pytest.mark.parametrize("size", [100, 3 * BLOCK_BYTES])
def test_before_dot_is_called_while_the_host_waits_for_the_dot(connected, message, size):
    seen = []
    peer, client = connected()
    content = b"x" * 98 + b"\r\n"

    client.send(message(content * (size // 100)), before_dot=lambda: seen.append(list(peer.contents)))

    assert seen == [[]]
    assert len(peer.contents) == 1


def test_most_of_a_large_message_travels_before_the_dot_is_allowed(connected, message):
    content = (b"x" * 98 + b"\r\n") * 3000
    peer, client = connected()
    arrived = []

    def wait_for_content():
        while len(peer.talk.received) < len(content) - 3 * BLOCK_BYTES:
            pass
        arrived.append(peer.talk.received.endswith(b"\r\n.\r\n"))

    client.send(message(content), before_dot=wait_for_content)

    assert arrived == [False]
    assert peer.contents == [content]


def test_no_dot_is_sent_when_before_dot_raises(connected, message):
    peer, client = connected()

    def fail():
        raise LookupError("the last outcome cannot be stored")

    with pytest.raises(LookupError):
        client.send(message(), before_dot=fail)

    assert not client.open
    assert peer.contents == []


def test_before_dot_is_not_called_for_a_message_nobody_takes(connected, message):
    called = []
    _, client = connected({"RCPT": "550 5.1.1 no"})

    client.send(message(), before_dot=lambda: called.append(1))

    assert not called


@pytest.mark.parametrize("fault", [close, b"", split(b"25")], ids=["close", "silence", "half a line"])
def test_a_dot_without_an_answer_leaves_a_doubt(connected, message, fault):
    def act(talk):
        if callable(fault):
            fault(talk)
        raise Hangup

    peer, client = connected({"DOT": act, "RCPT": by_recipient(eve="550 5.1.1 unknown")})

    result = client.send(message(recipients=("bob@peer.test", "eve@peer.test")))

    bob, eve = (reply for _, reply in result.replies)
    assert (bob.code, bob.enhanced, bob.stage, bob.remote) == (421, "4.4.2", Stage.DOT, False)
    assert eve.line == "550 5.1.1 unknown"
    assert (result.in_doubt, result.session_open) == (True, False)
    assert len(peer.contents) == 1


def test_an_answer_in_pieces_is_an_answer(connected, message):
    _, client = connected({"DOT": split(b"250-2.0.0 taken\r\n250 2.0.0 as 9\r\n")})

    assert client.send(message()).replies[0][1].line == "250 2.0.0 taken as 9"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"250 ok\x00\xff\r\n", "ok\ufffd\ufffd"),
        (b"250 2.0.0 \x1b[31m<script>\r\n", "<script>"),
        (b"250 " + b"x" * 1_000_000 + b"\r\n", "x" * 512),
        (b"250-ok\r\n" * 10_000, " ".join(["ok"] * 200)[:512]),
        (b"250 ok\r\n250 ok\r\n", "ok"),
        (b"299 ok\r\n", "ok"),
        (b"250\r\n", ""),
        (b"250 ok\n", "ok"),
    ],
    ids=["nul", "ansi", "1 MB line", "endless", "two answers", "299", "bare", "line feed"],
)
def test_a_hostile_yes_is_one_delivery_and_clean_text(connected, message, answer, text):
    peer, client = connected({"DOT": answer})

    result = client.send(message())

    reply = result.replies[0][1]
    assert reply.code // 100 == 2
    assert (reply.stage, reply.remote, result.in_doubt) == (Stage.DOT, True, False)
    assert reply.text.startswith(text[:100])
    assert len(reply.text) <= 512
    assert reply.text.isprintable()
    assert len(peer.contents) == 1


@pytest.mark.parametrize(
    "answer", [b"ok\r\n", b"250-ok\r\n550 no\r\n", b"999 ok\r\n", b"354 more\r\n", b"\xff" * 5000]
)
def test_nonsense_after_the_dot_leaves_a_doubt(connected, message, answer):
    _, client = connected({"DOT": answer})

    result = client.send(message())

    reply = result.replies[0][1]
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (421, "4.5.0", Stage.DOT, False)
    assert (result.in_doubt, result.session_open) == (True, False)


def test_an_endless_no_is_no_doubt_but_temporary(connected, message):
    _, client = connected({"DOT": b"550-no\r\n" * 10_000})

    result = client.send(message())

    assert result.replies[0][1].code == 421
    assert (result.in_doubt, result.session_open) == (False, False)


# Hosts out of step


@pytest.mark.parametrize("answer", ["250 ok", "299 ok", "221 bye"])
@OFFERS
def test_data_answered_with_2yz_delivers_nothing(connected, message, offers, answer):
    peer, client = connected({"DATA": answer}, offers=offers)

    result = client.send(message())

    reply = result.replies[0][1]
    assert (reply.code, reply.stage, reply.remote) == (421, Stage.DATA, False)
    assert (result.in_doubt, result.session_open) == (False, False)
    assert peer.contents == []


@pytest.mark.parametrize(
    "script",
    [
        {"DATA": b"354 go\r\n250 2.0.0 taken\r\n"},
        {"MAIL": b"250 ok\r\n250 ok\r\n"},
        {"RCPT": b"250 ok\r\n550 5.1.1 unknown\r\n"},
        {"RCPT": b"354 go\r\n"},
        {"MAIL": b"354 go\r\n"},
        {"RCPT": [b"550 5.1.1 unknown\r\n250 ok\r\n", b"250 ok\r\n"]},
    ],
)
@OFFERS
def test_replies_that_do_not_fit_the_commands_decide_nothing(connected, message, offers, script):
    peer, client = connected(script, offers=offers)

    result = client.send(message(recipients=("bob@peer.test", "eve@peer.test")))

    assert {(reply.code, reply.enhanced, reply.remote) for _, reply in result.replies} == {
        (421, "4.5.0", False)
    }
    assert (result.in_doubt, result.session_open) == (False, False)
    assert peer.contents == []


def test_a_second_answer_to_a_recipient_is_not_taken_for_that_to_data(connected, message):
    _, client = connected({"RCPT": b"250 ok\r\n550 5.1.1 unknown\r\n"}, offers=ONE_BY_ONE)

    result = client.send(message())

    assert [(reply.code, reply.enhanced) for _, reply in result.replies] == [(421, "4.5.0")]
    assert not result.session_open


def test_an_answer_too_many_before_a_lone_dot_ends_the_session(connected, message):
    """Else the answer to the dot would be taken for that to the next MAIL."""
    _, client = connected({"RCPT": "550 5.1.1 unknown", "DATA": b"354 go\r\n250 taken\r\n"})

    result = client.send(message())

    assert not result.session_open
    assert result.replies[0][1].code != 250


@pytest.mark.parametrize("size", [1, 3 * BLOCK_BYTES // 4])
def test_a_yes_that_comes_before_the_dot_is_no_delivery(connected, message, size):
    said = threading.Event()

    def early(talk):
        talk.say(b"354 go\r\n")
        go.wait(20)
        talk.say(b"250 2.0.0 taken\r\n")
        said.set()
        talk.read_content()

    go = threading.Event()
    peer, client = connected({"DATA": early})

    def before_dot():
        go.set()
        assert said.wait(20)

    result = client.send(message(b"abc\r\n" * size), before_dot=before_dot)

    reply = result.replies[0][1]
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (421, "4.5.0", Stage.DATA, False)
    assert (result.in_doubt, result.session_open) == (False, False)
    assert not peer.talk.received.endswith(b".\r\n")


@pytest.mark.parametrize("said", ["552 5.3.4 too large", "451 4.3.1 full", "421 4.3.2 closing"])
@pytest.mark.parametrize("then_close", [True, False])
def test_a_no_that_comes_before_the_dot_is_heard(connected, message, said, then_close):
    spoken = threading.Event()

    def early(talk):
        talk.say(b"354 go\r\n")
        talk.read()
        talk.say(said.encode() + b"\r\n")
        spoken.set()
        if not then_close:
            talk.read_content()
        raise Hangup

    peer, client = connected({"DATA": early})

    content = (b"x" * 98 + b"\r\n") * 3000
    result = client.send(message(content), before_dot=lambda: spoken.wait(20))

    reply = result.replies[0][1]
    if reply.remote:
        assert (reply.line, reply.stage) == (said, Stage.DATA)
    else:
        # The reset overtook the last words.
        assert then_close
        assert reply.line.startswith("421 4.4.2 Connection dropped")
    assert (result.in_doubt, result.session_open) == (False, False)
    assert peer.contents == []


def test_last_words_before_an_orderly_close_are_heard(connected, message):
    closed = threading.Event()

    def early(talk):
        talk.say(b"354 go\r\n")
        say_and_close(b"552 5.3.4 too large\r\n")(talk)

    def wait(talk):
        try:
            early(talk)
        finally:
            talk.close()
            closed.set()

    _, client = connected({"DATA": wait})

    result = client.send(message(), before_dot=lambda: closed.wait(20))

    assert lines(result) == [("bob@peer.test", Stage.DATA, "552 5.3.4 too large")]
    assert (result.in_doubt, result.session_open) == (False, False)


def test_words_after_the_greeting_are_not_taken_for_an_answer_to_mail(connected, message):
    _, client = connected({"EHLO": b"250 one\r\n250 two\r\n"})

    result = client.send(message())

    assert [(reply.stage, reply.enhanced) for _, reply in result.replies] == [(Stage.MAIL, "4.5.0")]
    assert not client.open


def test_unasked_words_before_mail_are_not_taken_for_its_answer(connected, message):
    spoken = threading.Event()

    def act(talk):
        talk.say(b"250 2.0.0 taken\r\n")
        go.wait(20)
        talk.say(b"550 5.1.8 surprise\r\n")
        spoken.set()

    go = threading.Event()
    _, client = connected({"DOT": act})
    client.send(message())
    go.set()
    assert spoken.wait(20)

    result = client.send(message())

    assert (result.replies[0][1].code, result.replies[0][1].enhanced) == (421, "4.5.0")
    assert not result.session_open
