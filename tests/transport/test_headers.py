"""What lists and limits learn from a header, however broken it is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.envelope import Priority
from transport.headers import MAX_HEADER_BYTES, count_received, header_bytes, summary


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"Subject: hello", "hello"),
        (b"SUBJECT:hello", "hello"),
        (b"Subject : hello", "hello"),
        (b"Subject: one\r\n two\r\n\tthree", "one two three"),
        (b"Subject:", ""),
        (b"Subject: =?utf-8?q?caf=C3=A9?=", "café"),
        (b"Subject: =?utf-8?B?w7zDtsOk?= =?utf-8?B?w58=?=", "üöäß"),
        (b"Subject: =?iso-8859-1?Q?caf=E9?= au lait", "café au lait"),
        (b"Subject: =?utf-8?B?w7w=?=\r\n =?utf-8?B?w7Y=?=", "üö"),
        (b"Subject: caf\xc3\xa9", "café"),
        (b"Subject: caf\xc3\xa9 =?utf-8?q?=C3=BC?=", "café ü"),
        (b"Subject: caf\xe9", "caf\ufffd"),
        (b"Subject: =?no-such-charset?q?abc?=", "abc"),
        (b"Subject: =?utf-8?B?abcde?=", "=?utf-8?B?abcde?="),
        (b"Subject: =?utf-8?q?=FF=FE?=", "\ufffd\ufffd"),
        (b"Subject: =?utf-8*en?q?abc?=", "abc"),
        (b"Subject: =?idna?q?xn--=FF?=", "xn--\ufffd"),
        (b"Subject: =?rot13?q?abc?=", "abc"),
        (b"Subject: =?unicode_escape?q?=5Cx41=5Cn?=", r"\x41\n"),
        (b"Subject: =?\x00?q?abc?=", "abc"),
        (b"Subject: =?utf-8?q?a=0D=0ABcc:_x=00=1B[31m?=", "a Bcc: x\ufffd"),
        ("Subject: \u202egnp.exe\u2066".encode(), "gnp.exe"),
        (b"Subject: <script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"Subject: a\x00b", "a\ufffdb"),
        (b"X-Subject: no\r\nSubject: yes\r\nSubject: later", "yes"),
    ],
)
def test_a_subject_is_decoded_or_shown_harmlessly(field, subject):
    assert summary(field + b"\r\n\r\nSubject: in the body\r\n").subject == subject


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        (b"Message-ID: <1@example.org>", "<1@example.org>"),
        (b"message-id:\r\n <1@example.org> (added by x)", "<1@example.org>"),
        (b"Message-ID: bare@example.org", "bare@example.org"),
        (b"Message-ID: <a\x00b@c>", "<a\ufffdb@c>"),
        (b"Subject: none", ""),
    ],
)
def test_a_message_id_is_found(field, message_id):
    assert summary(field + b"\r\n\r\nMessage-ID: <body@example.org>\r\n").message_id == message_id


def test_a_long_subject_is_cut():
    encoded = base64.b64encode("ü".encode() * 300)

    assert len(summary(b"Subject: " + b"x" * 900 + b"\r\n\r\n").subject) == 255
    assert summary(b"Subject: =?utf-8?B?" + encoded + b"?=\r\n\r\n").subject == "ü" * 255


def test_a_header_with_plain_line_feeds_is_read_too():
    assert summary(b"Subject: x\nMessage-ID: <1@b>\n\nbody\n").message_id == "<1@b>"


def test_only_the_header_is_counted():
    assert count_received(b"Received: a\r\nX-Received: b\r\nreceived : c\r\n\r\nReceived: d\r\n") == 2
    assert count_received(b"\r\nReceived: body\r\n") == 0
    assert count_received(b"") == 0


def test_nothing_beyond_the_limit_is_read():
    padding = b"X: y\r\n" * (MAX_HEADER_BYTES // 6 + 1)

    assert summary(padding + b"Subject: far away\r\n\r\n").subject == ""
    assert count_received(padding + b"Received: x\r\n\r\n") == 0


@pytest.mark.parametrize(
    ("content", "size"), [(b"A: b\r\n\r\nbody", 6), (b"\r\nbody", 0), (b"A: b\r\nC: d\r\n", 12), (b"", 0)]
)
def test_the_size_of_a_header_ends_at_its_blank_line(content, size):
    assert header_bytes(content) == size


@pytest.mark.parametrize(
    "subject",
    [
        b"=?utf-8?q?" * 30_000,
        b"=?" * 100_000,
        b"(" * 200_000,
        b"\x1b" * 200_000,
        b"=?utf-8?b?" + b"QUFB" * 60_000 + b"?=",
    ],
)
def test_a_hostile_header_is_read_quickly(subject):
    for _ in range(20):
        assert len(summary(b"Subject: " + subject + b"\r\n\r\n").subject) <= 255


@given(content=st.binary(max_size=400))
def test_garbage_never_raises(content):
    for header in (content, b"Subject: " + content, b"Subject: =?utf-8?" + content, b"Message-ID:" + content):
        found = summary(header)
        assert found.subject.isprintable()
        assert found.message_id.isprintable()
        assert count_received(header) >= 0


CODECS = ["utf-7", "utf-16", "idna", "punycode", "unicode_escape", "undefined", "hz", "x" * 90]


@given(charset=st.sampled_from(CODECS), text=st.binary(max_size=80))
def test_no_charset_name_raises(charset, text):
    word = b"=?%s?b?%s?=" % (charset.encode(), base64.b64encode(text))

    assert summary(b"Subject: " + word + b"\r\n\r\n").subject.isprintable()


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        (b"Subject: x", Priority.NORMAL),
        (b"X-Priority: 1 (Highest)", Priority.HIGH),
        (b"x-priority:2", Priority.HIGH),
        (b"X-Priority: 3", Priority.NORMAL),
        (b"X-Priority: 4", Priority.LOW),
        (b"X-Priority:\r\n 5 (Lowest)", Priority.LOW),
        (b"X-Priority: 17", Priority.NORMAL),
        (b"X-Priority: \xff\xfe", Priority.NORMAL),
        (b"Importance: High", Priority.HIGH),
        (b"IMPORTANCE: low", Priority.LOW),
        (b"Priority: urgent", Priority.HIGH),
        (b"Priority: non-urgent", Priority.LOW),
        (b"Importance: low\r\nX-Priority: 1", Priority.HIGH),
        (b"Importance: high\r\nX-Priority: 99", Priority.HIGH),
        (b"X-Not-Priority: 1", Priority.NORMAL),
        (b"\r\nX-Priority: 1", Priority.NORMAL),
    ],
)
def test_the_priority_is_what_the_sender_asks_for(fields, priority):
    assert summary(fields + b"\r\nMessage-ID: <1@a.test>\r\n\r\nHello.\r\n").priority is priority
