"""Reports to write, and to read back as a recipient's program does."""

import email
import re
from datetime import UTC, datetime, timedelta
from email.policy import SMTP, SMTPUTF8

from transport import bounces
from transport.envelope import Reply, Stage
from transport.states import Action

AS_WRITTEN = SMTPUTF8.clone(refold_source="none")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGINAL = (
    b"Received: from pc.fabrikam.test by e15mb1.contoso.test; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
    b"From: Anna <anna@fabrikam.test>\r\nTo: bob@contoso.test\r\nSubject: Minutes\r\n"
    b"Message-ID: <minutes@fabrikam.test>\r\n\r\n.hidden\r\n--line that looks like a boundary\r\nend\r\n"
)
HEADER_NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]


def a_reply(**fields):
    known = {
        "code": 550,
        "enhanced": "5.1.1",
        "text": "User unknown",
        "stage": Stage.RCPT,
        "host": "mx1.contoso.test",
        "address": "192.0.2.1:25",
    }
    return Reply(**(known | fields))


def a_failure(address="bob@contoso.test", *, attempted_at=NOW, orcpt="", **reply):
    reply = a_reply(**reply)
    return bounces.RecipientStatus(address=address, reply=reply, attempted_at=attempted_at, orcpt=orcpt)


def a_report(*recipients, **fields):
    original = fields.get("original", ORIGINAL)
    known = {
        "action": Action.FAILED,
        "reporting_mta": "e15mb1.contoso.test",
        "sender": "anna@fabrikam.test",
        "recipients": recipients or (a_failure(),),
        "arrived_at": NOW - timedelta(days=2),
        "now": NOW,
        "original": original,
        "original_size_bytes": len(original),
        "subject": "Minutes",
        "original_message_id": "<minutes@fabrikam.test>",
    }
    return bounces.Report(**(known | fields))


def read(report):
    """The report as a recipient's program sees it, after the checks that every report must stand."""
    written = bounces.write(report)
    assert written.count(b"\r\n") == written.count(b"\r") == written.count(b"\n")
    assert b"\x00" not in written
    assert max(len(line) for line in written.split(b"\r\n")) <= 998
    message = email.message_from_bytes(written, policy=SMTP)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert len(message.get_payload()) == 3
    assert message.defects == []
    return message


def fields_of(message):
    """The groups of the status part: one about the message, then one for each recipient."""
    part = message.get_payload()[1]
    if part.get_content_type() == "message/delivery-status":
        return part.get_payload()
    assert part.get_content_type() == "message/global-delivery-status"
    assert part["Content-Transfer-Encoding"] == "8bit"
    # Python knows the groups of the ASCII form only.
    written = part.get_payload()[0].as_bytes(policy=AS_WRITTEN)
    groups = written.strip(b"\r\n").split(b"\r\n\r\n")
    return [email.message_from_bytes(group, policy=AS_WRITTEN) for group in groups]


def human(message):
    return message.get_payload()[0].get_content().replace("\r\n", "\n")


def returned(message):
    return message.get_payload()[2]


def raw_third_part(written):
    boundary = re.search(rb'boundary="([^"]+)"', written)[1]
    part = written.split(b"\r\n--" + boundary)[3]
    return part.split(b"\r\n\r\n", 1)[1]
