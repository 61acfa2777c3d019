import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.smtp.errors import OutOfStep
from transport.smtp.replies import REPLY_LIMIT_BYTES, TEXT_LIMIT, ReplyReader


def read(data):
    reader = ReplyReader()
    reader.feed(data)
    return reader.next()


def read_all(data, *, sizes):
    """Feed `data` in pieces and collect (code, enhanced, text)."""
    reader, replies = ReplyReader(), []
    while data:
        size = next(sizes)
        reader.feed(data[:size])
        data = data[size:]
        while (reply := reader.next()) is not None:
            replies.append((reply.code, reply.enhanced, reply.text))
    return replies, reader.unread


def test_a_reply_has_code_enhanced_code_and_text():
    reply = read(b"550 5.1.1 No such user here\r\n")

    assert (reply.code, reply.enhanced, reply.text) == (550, "5.1.1", "No such user here")


@pytest.mark.parametrize(
    ("line", "enhanced", "text"),
    [
        (b"250 ok", "", "ok"),
        (b"250", "", ""),
        (b"250 ", "", ""),
        (b"250OK", "", "OK"),
        (b"250 2.0.0 ok", "2.0.0", "ok"),
        (b"250 2.1.5", "2.1.5", ""),
        (b"550 4.1.1 a class that contradicts the code", "", "4.1.1 a class that contradicts the code"),
        (b"354 2.0.0 go", "", "2.0.0 go"),
        (b"550 5.1.1.1 not a code", "", "5.1.1.1 not a code"),
        (b"550 5.7.1000 not a code", "", "5.7.1000 not a code"),
        (b"550 5.07.01 zeros", "5.7.1", "zeros"),
        (b"554 mail to 10.0.0.1 refused", "", "mail to 10.0.0.1 refused"),
    ],
)
def test_the_enhanced_code_counts_only_if_its_class_is_that_of_the_code(line, enhanced, text):
    reply = read(line + b"\r\n")

    assert (reply.enhanced, reply.text) == (enhanced, text)


def test_the_lines_of_a_reply_are_joined_and_the_repeated_enhanced_code_goes():
    reply = read(b"550-5.7.1 We do not want\r\n550-5.7.1 your mail.\r\n550 5.7.1 Go away\r\n")

    assert (reply.code, reply.enhanced, reply.text) == (550, "5.7.1", "We do not want your mail. Go away")


def test_the_answer_to_ehlo_keeps_its_lines():
    reply = read(b"250-peer.test hello\r\n250-PIPELINING\r\n250 SIZE 1000\r\n")

    assert reply.keywords == ["PIPELINING", "SIZE 1000"]
    assert reply.lines == ["250-peer.test hello", "250-PIPELINING", "250 SIZE 1000"]


def test_a_bare_line_feed_ends_a_line_too():
    assert read(b"250 ok\n").text == "ok"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_nothing_is_a_reply_before_its_last_line_is_complete(end):
    reader = ReplyReader()
    reader.feed(b"250-one" + end + b"250 two")

    assert reader.next() is None
    assert reader.unread

    reader.feed(end)

    assert reader.next().text == "one two"
    assert not reader.unread


def test_bytes_after_the_reply_are_noticed():
    reader = ReplyReader()
    reader.feed(b"220 ready\r\n250 nobody asked")

    assert reader.next().code == 220
    assert reader.unread


@pytest.mark.parametrize("code", [200, 299, 399, 421, 499, 500, 599])
def test_codes_from_200_to_599_are_replies(code):
    assert read(b"%d x\r\n" % code).code == code


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"abc",
        b"000 x",
        b"100 x",
        b"199 x",
        b"600 x",
        b"999 x",
        b"2500 x",
        b"25 x",
        b"-250 x",
        b"+25 x",
        b" 250 x",
        b"\xd9\xa2\xd9\xa5\xd9\xa0 x",
        b"\xff\xfe",
        b"\0250 x",
        b"HTTP/1.1 400 Bad Request",
        b"SSH-2.0-OpenSSH_9.2",
    ],
)
def test_everything_else_is_garbage(line):
    with pytest.raises(OutOfStep, match="is not an SMTP reply") as raised:
        read(line + b"\r\n")

    assert raised.value.so_far is None


def test_a_reply_with_two_codes_is_none():
    with pytest.raises(OutOfStep, match="the codes 250 and 550") as raised:
        read(b"250-ok\r\n550 no\r\n")

    assert raised.value.so_far is None


def test_a_line_of_2048_bytes_is_read_and_one_more_is_too_long():
    assert read(b"250 " + b"x" * 2042 + b"\r\n").code == 250

    with pytest.raises(OutOfStep, match="longer than 2048 bytes"):
        read(b"250 " + b"x" * 2043 + b"\r\n")


def test_a_line_without_an_end_is_given_up_at_the_same_length():
    reader = ReplyReader()
    reader.feed(b"250 " + b"x" * 2043)
    assert reader.next() is None

    reader.feed(b"x")

    with pytest.raises(OutOfStep, match="longer than 2048 bytes"):
        reader.next()


def test_a_hundred_lines_are_read_and_one_more_is_too_many():
    assert read(b"250-x\r\n" * 99 + b"250 x\r\n").code == 250

    with pytest.raises(OutOfStep, match="more than 100 lines"):
        read(b"250-x\r\n" * 100 + b"250 x\r\n")


def test_a_reply_of_more_than_64_kib_is_too_long():
    line = b"250-" + b"x" * 2042 + b"\r\n"
    assert len(line) * 32 == REPLY_LIMIT_BYTES

    with pytest.raises(OutOfStep, match="longer than 65536 bytes"):
        read(line * 33)


def test_what_was_read_of_a_reply_that_is_too_long_tells_its_code():
    with pytest.raises(OutOfStep) as raised:
        read(b"250 2.0.0 " + b"x" * 100_000)

    assert (raised.value.so_far.code, raised.value.so_far.enhanced) == (250, "2.0.0")


@pytest.mark.parametrize(
    "raw",
    [
        b"ok\x00\xff",
        b"\x1b[31mred\x1b[0m",
        b"one\rtwo",
        "a\u202eb\u2066c\u2028d\u2029e\u0085f".encode(),
        b"\xed\xa0\x80\xed\xb0\x80",
        "\U000e0041\ufeff\u200b".encode(),
        b"\t\x08\x7f\x9b",
        b"\xf0\x9f\x98",
    ],
)
def test_text_is_printable_text_of_one_line_whatever_came(raw):
    text = read(b"250 start " + raw + b" end\r\n").text

    assert text.startswith("start")
    assert text.endswith("end")
    assert text.isprintable()
    text.encode("utf-8")


@given(st.binary(max_size=1500))
def test_no_text_holds_a_control_or_a_surrogate_or_more_than_512_characters(raw):
    raw = raw.replace(b"\n", b"")
    text = read(b"550 " + raw + b"\r\n").text

    assert len(text) <= TEXT_LIMIT
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


REPLIES = st.lists(
    st.tuples(
        st.integers(200, 599),
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20),
            min_size=1,
            max_size=5,
        ),
    ),
    max_size=5,
)


@given(REPLIES, st.data())
def test_replies_are_the_same_however_the_bytes_are_cut(replies, data):
    wire = b"".join(
        f"{code}{' ' if at == len(lines) - 1 else '-'}{line}\r\n".encode()
        for code, lines in replies
        for at, line in enumerate(lines)
    )
    sizes = iter(lambda: data.draw(st.integers(1, 40)), 0)

    in_pieces, unread = read_all(wire, sizes=sizes)

    assert in_pieces == read_all(wire, sizes=iter(lambda: len(wire), 0))[0]
    assert [code for code, _, _ in in_pieces] == [code for code, _ in replies]
    assert not unread


@given(st.binary(max_size=3000))
def test_no_bytes_make_anything_but_replies_or_a_protocol_error(data):
    said = "nothing wrong"
    reader = ReplyReader()
    reader.feed(data)
    try:
        while reader.next() is not None:
            pass
    except OutOfStep as error:
        said = str(error)

    assert said.isprintable()


def test_a_secret_that_the_host_echoes_is_replaced():
    reply = read(b"535 5.7.8 no: hunter2 is aHVudGVyMg==\r\n").without([b"hunter2", b"aHVudGVyMg==", b""])

    assert reply.text == "no: ***** is *****"
    assert reply.lines == ["535 5.7.8 no: ***** is *****"]
