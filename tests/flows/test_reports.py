"""A sender asks to be told (RFC 3461), and is: that mail went on, that it is late, that it failed."""

import email
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
from email import policy

import pytest

from tests.flows.conftest import ems
from tests.support.ports import free_port
from tests.support.receiving_server import ReceivingServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow

MESSAGE = b"Subject: Minutes\r\nMessage-ID: <minutes@contoso.test>\r\n\r\nHello.\r\n"


def connector(program, *, domain, port):
    ems(
        program,
        f'New-SendConnector -Name "{domain}" -AddressSpaces {domain} -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {port}",
    )


def told(home):
    """(recipient, action) and the report, for each report that the sender has got."""
    found = {}
    for mail in home.to("anna@contoso.test"):
        report = email.message_from_bytes(mail.content, policy=policy.SMTP)
        about, group = report.get_payload()[1].get_payload()
        found[group["Final-Recipient"], group["Action"]] = (mail, report, about, group)
    return found


def test_who_asks_for_everything_hears_of_everything(program):
    with ReceivingServer() as home, ReceivingServer() as fabrikam:
        connector(program, domain="contoso.test", port=home.port)
        connector(program, domain="fabrikam.test", port=fabrikam.port)
        connector(program, domain="dead.test", port=free_port())
        ems(
            program,
            "Set-TransportService E15MB1 -DelayNotificationTimeout 00:00:02"
            " -MessageExpirationTimeout 00:00:10",
        )
        with smtplib.SMTP(*program.smtp, timeout=60) as client:
            client.sendmail(
                "anna@contoso.test",
                ["bob@fabrikam.test", "eva@dead.test"],
                MESSAGE,
                mail_options=["RET=HDRS", "ENVID=QQ+2B314"],
                rcpt_options=["NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;everybody@contoso.test"],
            )
        wait_until(lambda: len(told(home)) == 3, what="three reports", seconds=60)
        reports = told(home)
        arrived = len(fabrikam.to("bob@fabrikam.test"))
        copies = len(home.to("anna@contoso.test"))

    assert (arrived, copies) == (1, 3)
    assert set(reports) == {
        ("rfc822; bob@fabrikam.test", "relayed"),
        ("rfc822; eva@dead.test", "delayed"),
        ("rfc822; eva@dead.test", "failed"),
    }
    for mail, report, about, group in reports.values():
        assert mail.mail_from == ""
        assert report["Auto-Submitted"] == "auto-replied"
        assert about["Original-Envelope-Id"] == "QQ+314"
        assert group["Original-Recipient"] == "rfc822; everybody@contoso.test"
        assert report.get_payload()[2].get_content_type() == "text/rfc822-headers"
