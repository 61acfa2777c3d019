"""Non-delivery reports, read back with Python's own parser and with flufl.bounce."""

from datetime import timedelta

import pytest
from flufl.bounce import all_failures
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reports import (
    HEADER_NAMES,
    NOW,
    ORIGINAL,
    a_failure,
    a_report,
    fields_of,
    human,
    raw_third_part,
    read,
    returned,
)
from transport import bounces
from transport.envelope import Stage


def test_it_comes_from_the_postmaster_and_answers_the_original():
    message = read(a_report())

    assert message.keys() == HEADER_NAMES
    assert message["From"] == "Mail Delivery Service <postmaster@e15mb1.contoso.test>"
    assert message["To"] == "anna@fabrikam.test"
    assert message["Subject"] == "Undeliverable: Minutes"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<minutes@fabrikam.test>"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"].endswith("@e15mb1.contoso.test>")


def test_programs_find_every_recipient_in_its_own_group():
    message = read(
        a_report(
            a_failure(),
            a_failure(
                "carol@nx.test", code=554, enhanced="5.4.4", text="nonexistent domain nx.test",
                stage=Stage.DNS, host="nx.test", remote=False, attempted_at=None,
            ),
        )
    )  # fmt: skip
    about, bob, carol = fields_of(message)

    assert dict(about) == {
        "Reporting-MTA": "dns; e15mb1.contoso.test",
        "Arrival-Date": "Sat, 21 Nov 2026 12:00:00 +0000",
    }
    assert dict(bob) == {
        "Final-Recipient": "rfc822; bob@contoso.test",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx1.contoso.test",
        "Diagnostic-Code": "smtp; 550 5.1.1 User unknown",
        "Last-Attempt-Date": "Mon, 23 Nov 2026 12:00:00 +0000",
    }
    assert dict(carol) == {
        "Final-Recipient": "rfc822; carol@nx.test",
        "Action": "failed",
        "Status": "5.4.4",
        "Diagnostic-Code": "smtp; 554 5.4.4 nonexistent domain nx.test",
    }


@pytest.mark.parametrize(
    "original", [ORIGINAL, b"", b"garbage", bytes(range(256)) * 40, ORIGINAL + b"\xe9\xff\r\n"]
)
def test_flufl_bounce_finds_the_recipients(original):
    message = read(a_report(a_failure(), a_failure("carol@nx.test"), original=original))

    assert all_failures(message) == (set(), {b"bob@contoso.test", b"carol@nx.test"})


def test_people_read_what_happened_and_what_to_do_before_the_diagnostics():
    text = human(read(a_report(a_failure(), a_failure("dave@contoso.test", enhanced="5.2.2", code=552))))
    for_people, _, for_administrators = text.partition("Diagnostic information for administrators")

    assert "these 2 recipients" in for_people
    assert "bob@contoso.test\n  There is no such recipient." in for_people
    assert "dave@contoso.test\n  The recipient's mailbox is full." in for_people
    assert "550" not in for_people
    assert "Generating server: e15mb1.contoso.test" in for_administrators
    assert "Remote server: mx1.contoso.test (192.0.2.1:25)\n550 5.1.1 User unknown" in for_administrators
    assert "Original message headers:" in for_administrators
    assert "Subject: Minutes" in for_administrators


def test_what_this_server_decided_names_no_remote_server():
    message = read(a_report(a_failure(remote=False, code=550, enhanced="4.4.7", text="QUEUE.Expired")))

    assert "Remote server" not in human(message)
    assert "Remote-MTA" not in fields_of(message)[1]


@pytest.mark.parametrize(
    ("code", "enhanced", "said"),
    [
        (550, "4.4.7", "could not be delivered in time"),
        (556, "5.1.10", "accepts no mail"),
        (554, "5.4.4", "No mail server was found"),
        (554, "5.4.6", "round in circles"),
        (552, "5.3.4", "too large"),
        (550, "5.7.26", "security or policy"),
        (550, "5.1.99", "The address was refused"),
        (552, "", "too large"),
        (550, "", "refused the message"),
        (599, "garbage", "refused the message"),
        (450, "", "in time"),
    ],
)
def test_each_family_of_codes_has_its_sentence(code, enhanced, said):
    text = human(read(a_report(a_failure(code=code, enhanced=enhanced, text=""))))

    assert said in " ".join(text.split())


@pytest.mark.parametrize(
    ("code", "enhanced", "status"),
    [(550, "5.1.1", "5.1.1"), (550, "", "5.0.0"), (450, "", "4.0.0"), (250, "2.0.0", "5.0.0"),
     (550, "5.1.1\r\nX: y", "5.0.0"), (999, "9.9.9", "5.0.0"), (550, "4.4.7", "4.4.7")],
)  # fmt: skip
def test_the_status_is_always_a_failure_in_its_proper_form(code, enhanced, status):
    group = fields_of(read(a_report(a_failure(code=code, enhanced=enhanced))))[1]

    assert group["Status"] == status


def test_the_whole_original_goes_back_byte_for_byte():
    written = bounces.write(a_report())

    assert raw_third_part(written) == ORIGINAL
    assert returned(read(a_report())).get_content_type() == "message/rfc822"


def test_eight_bit_content_is_declared_and_kept():
    original = ORIGINAL + "Grüße\r\n".encode("latin-1")
    report = a_report(original=original)
    message = read(report)

    assert raw_third_part(bounces.write(report)) == original
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert returned(message)["Content-Transfer-Encoding"] == "8bit"


def test_without_eight_bit_content_the_report_is_seven_bit():
    report = a_report(a_failure(text="Benutzer unbekannt: ü"), subject="Grüße")

    assert bounces.write(report).isascii()
    assert "Benutzer unbekannt: ü" in human(read(report))
    assert fields_of(read(report))[1]["Diagnostic-Code"] == "smtp; 550 5.1.1 Benutzer unbekannt: ?"


@pytest.mark.parametrize(
    "fields",
    [
        {"max_copy_bytes": 100},
        {"original_size_bytes": 5_000_000},
        {"original": ORIGINAL + b"NUL \x00\r\n"},
        {"original": ORIGINAL + b"bare \n line end\r\n"},
        {"original": ORIGINAL + b"bare \r return\r\n"},
        {"original": ORIGINAL + b"x" * 999 + b"\r\n"},
    ],
    ids=["over the bound", "only the head at hand", "NUL", "bare LF", "bare CR", "long line"],
)
def test_only_the_headers_go_back_when_the_whole_may_not(fields):
    message = read(a_report(**fields))

    assert returned(message).get_content_type() == "text/rfc822-headers"
    assert "Subject: Minutes" in returned(message).get_content()
    assert "hidden" not in returned(message).get_content()


def test_a_line_of_exactly_998_bytes_still_goes_back_whole():
    assert (
        returned(read(a_report(original=ORIGINAL + b"x" * 998 + b"\r\n"))).get_content_type()
        == "message/rfc822"
    )


def test_a_huge_header_is_cut_at_a_line():
    huge = b"X-Filler: " + b"y" * 88 + b"\r\n"
    original = huge * 10_000 + b"\r\nbody\r\n"
    message = read(a_report(original=original, max_copy_bytes=1000))
    lines = returned(message).get_content().splitlines()

    assert 600 < len(lines) < 700
    assert set(lines) == {huge.decode().strip()}
    assert len(bounces.write(a_report(original=original, max_copy_bytes=1000))) < 200_000


def test_an_international_recipient_is_reported_in_its_seven_bit_form():
    group = fields_of(read(a_report(a_failure("josé@contoso.test"))))[1]

    assert group["Final-Recipient"] == r"utf-8; jos\x{E9}@contoso.test"


def test_an_international_sender_gets_a_report_that_needs_smtputf8():
    head = "From: José <josé@fabrikam.test>\r\n\r\nbody\r\n".encode()
    report = a_report(sender="josé@fabrikam.test", original=head, smtputf8=True)
    written = bounces.write(report)

    assert "To: <josé@fabrikam.test>\r\n".encode() in written
    assert b"Content-Type: message/global\r\n" in written
    assert raw_third_part(written) == head


def test_international_headers_go_to_other_senders_in_seven_bit():
    head = "Subject: Grüße\r\n\r\nbody\r\n".encode()
    report = a_report(original=head, smtputf8=True)

    assert bounces.write(report).isascii()
    assert returned(read(report)).get_content().strip() == "Subject: Grüße"


INJECTIONS = (
    "x\r\nBcc: eve@evil.test",
    "x\nBcc: eve@evil.test",
    "x\rBcc: eve@evil.test",
    "x\u2028Bcc: eve@evil.test",
    "x\x85Bcc: eve@evil.test",
    "x\x00\x1b[31m",
    "x\r\n\r\n--report-\r\nContent-Type: text/html\r\n\r\n<script>",
    "=?utf-8?q?x=0D=0ABcc=3A_eve=40evil=2Etest?=",
    "\udce9\ud800",
    "\u202egnp.exe",
    "y" * 100_000,
    "(" * 20_000,
)


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["subject", "sender", "original_message_id", "reporting_mta"])
def test_nothing_from_outside_can_add_a_header(field, text):
    message = read(a_report(**{field: text}))

    assert set(message.keys()) <= set(HEADER_NAMES)
    assert len(set(message.keys())) == len(message.keys())
    assert len(fields_of(message)) == 2


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["text", "host", "address", "enhanced"])
def test_nothing_a_host_says_can_add_a_field_or_a_group(field, text):
    failures = fields_of(read(a_report(a_failure(**{field: text}), a_failure(address=text))))

    assert len(failures) == 3
    for group in failures[1:]:
        assert set(group.keys()) <= {
            *("Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date"),
        }


def test_an_encoded_word_in_a_subject_is_shown_as_it_is_written():
    text = "=?utf-8?q?=0D=0ABcc=3A?="

    assert read(a_report(subject=text))["Subject"] == f"Undeliverable: {text}"


@given(
    original=st.binary(max_size=3000)
    | st.lists(
        st.sampled_from([b"\r\n", b"\n", b"\r", b"a: b", b"--", b"\x00", b"\xe9", b"From x", b"."])
    ).map(b"".join)
)
def test_any_bytes_can_be_the_original(original):
    message = read(a_report(original=original))

    assert all_failures(message)[1] == {b"bob@contoso.test"}


@given(text=st.text(max_size=400))
def test_any_text_can_stand_in_any_field(text):
    report = a_report(
        a_failure(text, text=text, host=text, enhanced=text),
        subject=text,
        sender=text or "x",
        original_message_id=text,
        reporting_mta=text,
    )
    message = read(report)

    assert set(message.keys()) <= set(HEADER_NAMES)
    assert len(fields_of(message)) == 2


def test_a_mime_bomb_goes_back_unopened():
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(2000)
    )

    assert raw_third_part(bounces.write(a_report(original=head))) == head


def test_the_same_report_is_written_the_same_way_and_another_differs():
    later = a_report(now=NOW + timedelta(seconds=1))

    assert bounces.write(a_report()) == bounces.write(a_report())
    assert read(a_report())["Message-ID"] != read(later)["Message-ID"]


def test_the_null_sender_never_gets_a_report():
    with pytest.raises(ValueError, match="null sender"):
        a_report(sender="")


def test_a_report_about_nobody_is_refused():
    with pytest.raises(ValueError, match="one recipient"):
        a_report(recipients=())
