"""A new message from its parts: whatever they hold, the header says what was meant and nothing else."""

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.composing import Attachment, Draft, Mailbox, Unwritable, write

AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
ANNA, BOB = Mailbox(address="anna@contoso.test"), Mailbox(address="bob@fabrikam.test", name="Bob")
FIELDS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]


def written(**parts):
    draft = Draft(**{"sender": ANNA, "to": [BOB], **parts})
    content = write(draft, message_id="<1@e15mb1.admincenter.test>", at=AT)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    return content


def read(content):
    return email.message_from_bytes(content, policy=email.policy.SMTP)


def test_a_plain_message_is_plain():
    assert written(subject="Hello", text="Hi\nyou\n") == (
        b"From: anna@contoso.test\r\n"
        b'To: "Bob" <bob@fabrikam.test>\r\nSubject: Hello\r\n'
        b"Date: Mon, 23 Nov 2026 16:00:00 +0000\r\nMessage-ID: <1@e15mb1.admincenter.test>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nSGkNCnlvdQ0K\r\n"
    )


def test_text_html_and_attachments_are_read_back_as_they_were():
    files = [
        Attachment(file_name="Übersicht „Q3“.pdf", media_type="application/pdf", content=bytes(range(256))),
        Attachment(file_name="", media_type="text/plain", content=b""),
    ]
    message = read(
        written(subject="Grüße " * 40, text="Grüße\r\n.\r\nFrom x", html="<p>Grüße</p>", attachments=files)
    )
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    first, second = message.iter_attachments()

    assert message["Subject"] == "Grüße " * 40
    assert plain.get_content() == "Grüße\r\n.\r\nFrom x"
    assert html.get_content() == "<p>Grüße</p>"
    assert (first.get_filename(), first.get_content()) == ("Übersicht „Q3“.pdf", bytes(range(256)))
    assert (second.get_filename(), second.get_content_disposition()) == (None, "attachment")


def test_a_message_without_to_and_cc_says_so():
    assert read(written(to=[]))["To"] == "Undisclosed recipients:;"


@pytest.mark.parametrize(
    "break_", ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ud800"]
)
@pytest.mark.parametrize("place", ["subject", "from", "to", "attachments"])
def test_what_ends_a_line_anywhere_is_refused_with_the_field(break_, place):
    text = f"x{break_}Bcc: eve@evil.test"
    parts = {
        "subject": {"subject": text},
        "from": {"sender": Mailbox(address="anna@contoso.test", name=text)},
        "to": {"to": [Mailbox(address="bob@fabrikam.test", name=text)]},
        "attachments": {"attachments": [Attachment(file_name=text, media_type="a/b", content=b"")]},
    }
    with pytest.raises(Unwritable, match="one line") as refused:
        written(**parts[place])

    assert refused.value.field == place


@pytest.mark.parametrize(
    "media_type",
    ["", "text", "text/plain; x=y", "a/b\r\nBcc: x", "multipart/mixed", "Message/RFC822", "a/" + "b" * 65],
)
def test_an_attachment_needs_a_plain_media_type(media_type):
    with pytest.raises(Unwritable, match="cannot be attached"):
        written(attachments=[Attachment(file_name="x", media_type=media_type, content=b"")])


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"subject": "x" * 501}, "it has 501 characters; 500 are allowed"),
        ({"to": [Mailbox(address="b@c.test", name="x" * 201)]}, "200 are allowed"),
        ({"attachments": [Attachment(file_name="x", media_type="a/b", content=b"")] * 51}, "there are 51"),
        ({"text": "\udc00"}, "half a character"),
    ],
)
def test_what_is_too_much_is_refused(parts, rule):
    with pytest.raises(Unwritable, match=rule):
        written(**parts)


@pytest.mark.parametrize(
    "name", ['"', "\\", '\\"', "a, b", "<eve@evil.test>", "=?utf-8?q?=3Ceve=40evil.test=3E?=", "(c)", ";:@"]
)
def test_a_display_name_never_becomes_an_address(name):
    message = read(written(to=[Mailbox(address="bob@fabrikam.test", name=name)]))
    (to,) = message["To"].addresses

    assert (to.addr_spec, to.display_name) == ("bob@fabrikam.test", name)


words = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)
hostile = st.one_of(words, st.text('=?utf-8bq?_ \r\n\x00\u2028<>",;:()@aé\t', max_size=60))


@given(subject=hostile, name=hostile, text=words, html=words)
def test_the_header_has_exactly_the_fields_that_were_meant(subject, name, text, html):
    try:
        content = written(
            subject=subject, to=[Mailbox(address="bob@fabrikam.test", name=name)], text=text, html=html
        )
    except Unwritable:
        return
    message = read(content)
    names = message.keys()

    assert names in (FIELDS, FIELDS[:-1])
    assert message["Subject"].split() == subject.split()
    assert [one.addr_spec for one in message["To"].addresses] == ["bob@fabrikam.test"]
    assert message.defects == []
    body = message.get_body(("html",) if html else ("plain",)).get_payload(decode=True).decode()
    assert body.replace("\r\n", "\n") == (html or text).replace("\r\n", "\n").replace("\r", "\n")
