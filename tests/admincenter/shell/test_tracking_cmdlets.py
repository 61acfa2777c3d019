"""The message tracking log as an administrator searches it and takes it away."""

import csv
from datetime import datetime, timedelta

import pytest

from tests.support import queued_mail, tracked_mail
from transport.models import TrackingEvent
from transport.tracking import log
from transport.tracking.stories import message_number, network_message_id

pytestmark = [pytest.mark.django_db, pytest.mark.state]
NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _log():
    """Three messages within three minutes; the second one fails and is reported."""
    tracked_mail.received(1, at=NOON)
    tracked_mail.sent(1, at=NOON + MINUTE)
    tracked_mail.received(
        2,
        at=NOON + MINUTE,
        sender="eva@adatum.com",
        recipients="carl@fabrikam.com\nbob@fabrikam.com.example",
        subject="100 % off",
    )
    refused = {"source": "SMTP", "recipients": "carl@fabrikam.com", "statuses": "550 5.1.1 who?"}
    tracked_mail.line(2, at=NOON + 2 * MINUTE, event="FAIL", **refused)
    tracked_mail.received(
        3,
        at=NOON + 2 * MINUTE,
        event="DSN",
        source="DSN",
        sender="",
        recipients="eva@adatum.com",
        reference="<2@client.contoso.com>",
        subject="Undeliverable: 100 % off",
    )


def found(listed, arguments):
    """(number of the message, event) of each line, in their order."""
    objects = listed(f"Get-MessageTrackingLog {arguments}").objects
    return [(one["InternalMessageId"], one["EventId"]) for one in objects]


ALL = [(1, "RECEIVE"), (1, "SEND"), (2, "RECEIVE"), (2, "FAIL"), (3, "DSN")]
TWO = [(2, "RECEIVE"), (2, "FAIL")]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ("", ALL),
        ("-Start '2026-11-23 12:02'", ALL[3:]),
        ("-End '2026-11-23 12:00:30'", ALL[:1]),
        ("-Start 11/23/2026 -End '11/23/2026 12:01 PM'", ALL[:3]),
        ("-EventId fail", TWO[1:]),
        ("-Source DSN", ALL[4:]),
        ("-Sender EVA@adatum.com", TWO),
        ("-Sender *@contoso.com", ALL[:2]),
        ("-Sender '<>'", ALL[4:]),
        ("-Recipients carl@fabrikam.com", TWO),
        ("-Recipients bob@fabrikam.com", ALL[:2]),
        ("-Recipients bob@fabrikam.com,eva@adatum.com", [*ALL[:2], *ALL[4:]]),
        ("-Recipients *@fabrikam.com", ALL[:4]),
        ("-MessageSubject '0 % O'", [*TWO, *ALL[4:]]),
        ("-MessageId '<2@client.contoso.com>'", TWO),
        ("-MessageId 2@client.contoso.com", TWO),
        ("-MessageId '<2@client.contoso.com>' -EventId RECEIVE", TWO[:1]),
        ("-MessageId '<2@client.contoso.com>' -Sender anna@contoso.com", []),
        ("-Reference '<2@client.contoso.com>'", ALL[4:]),
        ("1", ALL[:2]),
        ("-InternalMessageId 1 -Start '2026-11-23 12:00:30'", ALL[1:2]),
        (f"-NetworkMessageId {network_message_id(2)}", TWO),
        ("-NetworkMessageId 00000000-0000-0000-0000-000000000002", []),
        ("-NetworkMessageId nonsense", []),
    ],
)
def test_events_are_found_by_everything_that_exchange_knows_them_by(listed, arguments, lines):
    assert found(listed, arguments) == lines


def test_a_line_shows_what_stands_in_the_line_that_opened_its_story(listed):
    (sent,) = listed("Get-MessageTrackingLog -EventId SEND").objects

    assert (sent["Sender"], sent["ReturnPath"]) == ("anna@contoso.com", "anna@contoso.com")
    assert (sent["MessageSubject"], sent["TotalBytes"]) == ("Hello 1", 4000)
    assert (sent["MessageId"], sent["OriginalClientIp"]) == ("<1@client.contoso.com>", "192.0.2.1")
    assert (sent["ClientHostname"], sent["ServerHostname"]) == ("e15mb1.contoso.com", "mx.fabrikam.com")
    assert (sent["ServerIp"], sent["RecipientStatus"]) == ("192.0.2.25", ["250 2.0.0 Queued as 7"])
    assert sent["MessageInfo"] == NOON.isoformat()
    assert message_number(sent["NetworkMessageId"]) == 1


def test_a_message_accepted_before_tracking_was_on_lends_its_facts_while_it_is_there(listed):
    TrackingEvent.objects.all().delete()
    queued = queued_mail.message(queued_mail.queue(), subject="Older")
    tracked_mail.sent(queued.message_id)
    (line,) = listed(f"Get-MessageTrackingLog {queued.message_id}").objects

    assert (line["MessageSubject"], line["Sender"]) == ("Older", "anna@contoso.com")


def test_the_own_server_is_meant_unless_another_or_all_are_named(listed, refused):
    tracked_mail.received(4, at=NOON + MINUTE / 2, on="E15MB2")

    assert found(listed, "") == ALL
    assert found(listed, "-Server E15MB2") == [(4, "RECEIVE")]
    assert found(listed, "-Server *") == [ALL[0], (4, "RECEIVE"), *ALL[1:]]
    assert "there is no transport server E15MB9" in refused("Get-MessageTrackingLog -Server E15MB9")


def test_lines_of_one_moment_are_all_given_however_they_are_read(listed, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 2)
    for number in range(10, 17):
        tracked_mail.received(number, at=NOON)

    assert len(found(listed, "")) == 12
    assert [number for number, _ in found(listed, "-End '2026-11-23 12:00'")] == [1, *range(10, 17)]


def test_a_thousand_are_given_unless_told_otherwise(ems, listed):
    answer = ems("Get-MessageTrackingLog -ResultSize 2 | ft InternalMessageId")

    assert "There are more than 2" in answer.notes
    assert found(listed, "-ResultSize 2") == ALL[:2]
    assert found(listed, "-ResultSize unlimited") == ALL


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("-Start yesterday", "-Start: a time is expected, as in 2026-11-23 16:00"),
        ("-Start 2026-11-24 -End 2026-11-23", "-Start is later than -End"),
        ("-EventId GONE", "one of RECEIVE, TRANSFER, SEND"),
        ("-Sender a*b@contoso.com", "* can only stand at the beginning and at the end"),
        ("1 -NetworkMessageId x", "-InternalMessageId and -NetworkMessageId exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_refused(refused, arguments, line):
    assert line in refused(f"Get-MessageTrackingLog {arguments}")


def exported(ems, path, arguments=""):
    ems(f"Get-MessageTrackingLog {arguments} | Export-MessageTrackingLog -Path {path}")
    text = path.read_bytes().decode("utf-8-sig")
    head = [line for line in text.split("\r\n") if line.startswith("#")]
    body = text.partition("custom-data\r\n")[2]
    names = head[-1].removeprefix("#Fields: ").split(",")
    return head, [dict(zip(names, row, strict=True)) for row in csv.reader(body.splitlines())]


def test_the_file_has_exchanges_head_and_all_its_fields(ems, tmp_path):
    path = tmp_path / "MSGTRK.log"
    head, rows = exported(ems, path)

    assert path.read_bytes().startswith(b"\xef\xbb\xbf#Software:")
    assert path.stat().st_mode & 0o077 == 0
    assert head[2] == "#Log-type: Message Tracking Log"
    assert [row["event-id"] for row in rows] == ["RECEIVE", "SEND", "RECEIVE", "FAIL", "DSN"]
    assert rows[0]["date-time"] == "2026-11-23T12:00:00.000Z"
    assert rows[2]["recipient-address"] == "carl@fabrikam.com;bob@fabrikam.com.example"
    assert rows[2]["recipient-count"] == "2"
    assert (rows[3]["recipient-status"], rows[3]["return-path"]) == ("550 5.1.1 who?", "eva@adatum.com")
    assert (rows[4]["return-path"], rows[4]["reference"]) == ("<>", "<2@client.contoso.com>")
    assert rows[1]["message-info"] == "2026-11-23T12:00:00.000Z"


def test_free_text_cannot_become_a_formula_and_no_text_a_line_of_its_own(ems, tmp_path):
    tracked_mail.received(
        9, at=NOON, subject='=HYPERLINK("x"), "a"', peer_name="@SUM(1)", recipients="+49@fax.fabrikam.com"
    )
    _, rows = exported(ems, tmp_path / "MSGTRK.log", "9")

    assert rows[0]["message-subject"] == '\'=HYPERLINK("x"), "a"'
    assert rows[0]["client-hostname"] == "'@SUM(1)"
    assert rows[0]["recipient-address"] == "+49@fax.fabrikam.com"


def test_a_file_that_is_there_is_overwritten_only_when_asked(ems, refused, tmp_path):
    path = tmp_path / "MSGTRK.log"
    path.write_text("mine")

    assert "that file exists" in refused(f"Get-MessageTrackingLog | Export-MessageTrackingLog {path}")
    assert path.read_text() == "mine"
    assert ems(f"Get-MessageTrackingLog | Export-MessageTrackingLog {path} -Force").status == 0
    assert "MSGTRK" not in path.read_text()
    assert TrackingEvent.objects.count() == path.read_text().count("\n") - 5


def test_an_export_needs_events(refused):
    assert "needs events" in refused("Export-MessageTrackingLog x.log")
