"""Delay notices and relayed reports, and what every report repeats of the sender's request (RFC 3461)."""

from datetime import timedelta

import pytest
from flufl.bounce import all_failures

from tests.support.reports import NOW, a_failure, a_report, fields_of, human, read, returned
from transport.states import Action

LATE = {
    "code": 400,
    "enhanced": "4.4.7",
    "text": "Message delayed -> 421 4.4.316 Connection refused",
    "remote": False,
    "host": "",
}
TAKEN = {"code": 250, "enhanced": "2.1.5", "text": "Queued as 7"}


def a_delay(**fields):
    known = {"action": Action.DELAYED, "retry_until": NOW + timedelta(hours=44), "max_copy_bytes": 0}
    return a_report(a_failure(**LATE), **(known | fields))


def test_a_delay_notice_says_that_it_is_a_warning_why_and_until_when_it_is_tried():
    message = read(a_delay())
    text = human(message)

    assert message["Subject"] == "Delivery delayed: Minutes"
    assert "has not been delivered yet to this recipient:\n\nbob@contoso.test\n" in text
    assert "Why the last try failed: The recipient's mail server refused the connection." in " ".join(
        text.split()
    )
    assert "You do not need to send the message again." in text
    assert "It will be tried until Wed, 25 Nov 2026 08:00:00 +0000." in text
    assert "What to do" not in text
    assert "400 4.4.7 Message delayed -> 421 4.4.316 Connection refused" in text


def test_programs_read_that_it_is_late_and_until_when_it_is_tried():
    group = fields_of(read(a_delay()))[1]

    assert dict(group) == {
        "Final-Recipient": "rfc822; bob@contoso.test",
        "Action": "delayed",
        "Status": "4.4.7",
        "Diagnostic-Code": "smtp; 400 4.4.7 Message delayed -> 421 4.4.316 Connection refused",
        "Last-Attempt-Date": "Mon, 23 Nov 2026 12:00:00 +0000",
        "Will-Retry-Until": "Wed, 25 Nov 2026 08:00:00 +0000",
    }


def test_flufl_bounce_takes_a_delay_for_no_failure():
    assert all_failures(read(a_delay())) == ({b"bob@contoso.test"}, set())


def test_a_relayed_report_says_that_nothing_more_is_known():
    message = read(a_report(a_failure(**TAKEN), action=Action.RELAYED, max_copy_bytes=0))
    group = fields_of(message)[1]

    assert message["Subject"] == "Relayed: Minutes"
    assert (group["Action"], group["Status"]) == ("relayed", "2.1.5")
    assert group["Remote-MTA"] == "dns; mx1.contoso.test"
    assert "does not report deliveries" in human(message)
    assert all_failures(message) == (set(), set())


@pytest.mark.parametrize("enhanced", ["", "5.1.1", "4.4.7", "garbage"])
def test_what_was_relayed_has_a_status_of_success(enhanced):
    message = read(a_report(a_failure(**(TAKEN | {"enhanced": enhanced})), action=Action.RELAYED))

    assert fields_of(message)[1]["Status"] == "2.0.0"


def test_only_headers_go_back_with_a_limit_of_nothing():
    assert returned(read(a_delay())).get_content_type() == "text/rfc822-headers"


def test_the_senders_own_names_come_back_decoded():
    message = read(
        a_report(a_failure(orcpt="rfc822;+22Bob+20Smith+22@contoso.test"), envid="QQ+2B314+20for+20you")
    )
    about, bob = fields_of(message)

    assert about["Original-Envelope-Id"] == "QQ+314 for you"
    assert bob["Original-Recipient"] == 'rfc822; "Bob Smith"@contoso.test'
    assert bob.keys()[:2] == ["Original-Recipient", "Final-Recipient"]


@pytest.mark.parametrize(
    ("orcpt", "field"),
    [
        (r"utf-8;jos\x{E9}@contoso.test", r"utf-8; jos\x{E9}@contoso.test"),
        ("utf-8;josé@contoso.test", r"utf-8; jos\x{E9}@contoso.test"),
        ("UTF-8;bob@contoso.test", "UTF-8; bob@contoso.test"),
        ("x400;/C+3DDE/", "x400; /C=DE/"),
    ],
)
def test_an_original_recipient_keeps_its_type(orcpt, field):
    assert fields_of(read(a_report(a_failure(orcpt=orcpt))))[1]["Original-Recipient"] == field


def test_expiry_says_why_the_last_try_failed():
    text = human(
        read(
            a_report(
                a_failure(
                    code=550,
                    enhanced="4.4.7",
                    text="QUEUE.Expired; message expired -> 451 4.7.0 Greylisted",
                    remote=False,
                )
            )
        )
    )

    assert "could not be delivered in time" in text
    assert "Why the last try failed: The recipient's mail server put the message off" in " ".join(
        text.split()
    )
