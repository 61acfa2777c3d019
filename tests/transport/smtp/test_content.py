import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transport.smtp.content import BLOCK_BYTES, blocks

PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"\r\n.", b".\r\n", b"..", b"\0", b"a", b"\xe9"]),
        st.binary(max_size=8),
    ),
    max_size=40,
)


def wire(*chunks):
    return b"".join(blocks(chunks))


def undo(sent):
    """What a receiver that goes by RFC 5321 section 4.5.2 makes of it."""
    lines = sent.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    return b"\r\n".join([line.removeprefix(b".") for line in lines[:-2]] + [b""])


def normal(content):
    """Line ends made CRLF, said in another way than the code does."""
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", content.replace(b"\0", b""))
    return content + b"\r\n" if content and not content.endswith(b"\r\n") else content


def test_clean_content_goes_out_as_it_is():
    assert wire(b"Subject: a\r\n\r\nb.c\r\n") == b"Subject: a\r\n\r\nb.c\r\n.\r\n"


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b"a\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n..b\r\n", b"a\r\n...b\r\n.\r\n"),
        (b"\r\n\r\n", b"\r\n\r\n.\r\n"),
        (b"\n\r", b"\r\n\r\n.\r\n"),
        (b"a\r\r\nb\r\n", b"a\r\n\r\nb\r\n.\r\n"),
        (b"a\0b\r\n", b"ab\r\n.\r\n"),
        (b"\0.\r\n", b"..\r\n.\r\n"),
    ],
)
def test_line_ends_and_dots_are_made_safe(content, sent):
    assert wire(content) == sent


SMUGGLERS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\0\n.\r\0\n",
    b"\n\n.\r\r",
    b"\r\n.\r.\r\n",
]


@pytest.mark.parametrize("end", SMUGGLERS)
def test_no_way_to_write_the_end_mark_gets_through(end):
    sent = wire(b"Subject: one\r\n\r\nbody" + end + b"MAIL FROM:<evil@example.test>\r\n")

    body = sent.removesuffix(b"\r\n.\r\n")
    assert not re.search(rb"(\r\n|\r|\n)\0*\.\0*(\r|\n)", body)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)


@given(PIECES)
@example([b"\r", b"\n", b"."])
@example([b"\r", b"\0\n", b"."])
@example([b"\r", b"."])
@example([b"\r\n", b"", b"."])
@example([b"\0", b"."])
def test_a_receiver_gets_the_content_back_however_it_was_cut(chunks):
    sent = wire(*chunks)

    assert undo(sent) == normal(b"".join(chunks))
    assert sent == wire(b"".join(chunks))


@given(st.lists(st.text("ab.", max_size=5)))
def test_what_was_clean_comes_back_byte_for_byte(lines):
    content = b"".join(line.encode() + b"\r\n" for line in lines)

    assert undo(wire(content)) == content


@pytest.mark.parametrize("line", [b"x" * 76 + b"\r\n", b".\r\n", b"\n", b"\r\n.", b"\r"])
def test_large_content_goes_out_in_blocks(line):
    content = line * (5 * BLOCK_BYTES // len(line) + 1)

    parts = list(blocks((b"head: er\r\n\r\n", content)))

    assert undo(b"".join(parts)) == normal(b"head: er\r\n\r\n" + content)
    assert len(parts) > 4
    assert all(BLOCK_BYTES <= len(part) <= 4 * BLOCK_BYTES for part in parts[:-1])
    assert parts[-1].endswith(b".\r\n")
