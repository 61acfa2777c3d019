"""Reports to senders whose address is not ASCII: they need SMTPUTF8, so they may be UTF-8 (RFC 6533)."""

import pytest

from tests.support.reports import a_failure, a_report, fields_of, raw_third_part, read, returned
from transport import bounces

JOSE = "josé@fabrikam.test"
HEAD = "Received: from x\r\nSubject: Grüße\r\nFrom: José <josé@fabrikam.test>".encode()
ORIGINAL = HEAD + b"\r\n\r\nbody\r\n"


def international(*recipients, **fields):
    known = {"sender": JOSE, "original": ORIGINAL, "smtputf8": True}
    return a_report(*recipients, **(known | fields))


def test_addresses_and_replies_stand_in_utf8():
    message = read(
        international(
            a_failure("zoë@contoso.test", orcpt=r"utf-8;zo\x{EB}@old.test", text="Nutzer unbekännt")
        )
    )
    group = fields_of(message)[1]

    assert message.get_payload()[1].get_content_type() == "message/global-delivery-status"
    assert group["Original-Recipient"] == "utf-8; zoë@old.test"
    assert group["Final-Recipient"] == "utf-8; zoë@contoso.test"
    assert group["Diagnostic-Code"] == "smtp; 550 5.1.1 Nutzer unbekännt"


def test_what_is_ascii_keeps_the_form_that_every_program_knows():
    message = read(international(a_failure()))

    assert message.get_payload()[1].get_content_type() == "message/delivery-status"


def test_the_headers_go_back_as_they_are():
    report = international(max_copy_bytes=0)

    assert returned(read(report)).get_content_type() == "message/global-headers"
    assert raw_third_part(bounces.write(report)) == HEAD + b"\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"smtputf8": False},
        {"original": b"Subject: Gr\xfc\xdfe\r\n\r\n"},
        {"original": HEAD + b"\r\nX: \x00\r\n\r\n"},
        {"original": HEAD + b"\r\nX: " + b"y" * 999 + b"\r\n\r\n"},
        {"original": HEAD.replace(b"\r\n", b"\n") + b"\n\n"},
        {"sender": "anna@fabrikam.test"},
    ],
    ids=["came without SMTPUTF8", "Latin-1", "NUL", "long line", "bare LF", "ASCII sender"],
)
def test_headers_that_may_not_go_back_so_are_quoted(fields):
    message = read(international(max_copy_bytes=0, **fields))

    assert returned(message).get_content_type() == "text/rfc822-headers"
    assert returned(message)["Content-Transfer-Encoding"] == "quoted-printable"


@pytest.mark.parametrize("length", [250, 320, 100_000])
def test_no_line_gets_too_long_however_wide_its_characters(length):
    text = "\U0001d504" * length
    message = read(
        international(a_failure(text, text=text, orcpt=f"utf-8;{text}"), sender=text, subject=text)
    )

    assert len(fields_of(message)) == 2
