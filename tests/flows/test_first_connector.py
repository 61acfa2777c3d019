"""A connector is made, a mail client hands a message in, a real server receives it.

swaks, smtp-source ──▶ smtp_in ──▶ queue ──▶ worker ──▶ receiving server on loopback
                                              └── asks NSD for MX and A
"""

import email
import re
from email import policy

import pytest

from tests.flows.conftest import ems, ems_rows, smtp_source
from tests.support.ports import free_port
from tests.support.receiving_server import ReceivingServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow

AS_SENT = (
    b"Received: from somebody.else.test \r\n\tby contoso.test; Fri, 27 Nov 2026 09:00:00 +0000\r\n"
    b"Message-ID: <story@contoso.test>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"X-Odd:\tkept  as   it is \r\n"
    b"\r\n"
    b".a line with a dot\r\n"
    b"..two dots\r\n"
    b"\r\n"
    b"trailing space \r\n"
)


TRACE = re.compile(
    rb"Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n"
    rb"\tby e15mb1\.admincenter\.test with ESMTPS? (?:\(version=[^)]+\) )?id [0-9A-Za-z]+;\r\n"
    rb"\t[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\r\n"
)


def below_received(content: bytes) -> bytes:
    """The message without the one trace line that we add."""
    trace = TRACE.match(content)
    assert trace, content[:400]
    return content[trace.end() :]


@pytest.mark.usefixtures("dns")
def test_mail_goes_by_mx_to_a_server_found_in_dns_byte_for_byte(program, receiver, swaks):
    ems(
        program,
        'New-SendConnector -Name "Internet" -Usage Internet -AddressSpaces "SMTP:*;1"'
        " -DNSRoutingEnabled $true"
        f" -UseExternalDNSServersEnabled $true -Port {receiver.port}",
    )
    swaks("bob@fabrikam.test", content=AS_SENT)
    mail = wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the message arrives")[0]

    assert mail.mail_from == "anna@contoso.test"
    assert mail.helo == "e15mb1.admincenter.test"
    assert below_received(mail.content) == AS_SENT


def test_mail_goes_through_the_smart_host_that_is_up(program, receiver, swaks):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.9,127.0.0.1 -Port {receiver.port}",
    )
    for number in range(4):
        swaks(f"bob{number}@fabrikam.test", content=AS_SENT)
    wait_until(lambda: len(receiver.mails) == 4, what="four messages arrive")

    assert {below_received(mail.content) for mail in receiver.mails} == {AS_SENT}


@pytest.mark.usefixtures("dns")
def test_three_hundred_messages_of_a_load_tool_arrive_once_each(program, receiver):
    ems(
        program,
        'New-SendConnector -Name "Internet" -AddressSpaces "*" -UseExternalDNSServersEnabled $true'
        f" -Port {receiver.port}",
    )
    smtp_source(program, messages=300)
    wait_until(lambda: len(receiver.copies()) == 300, what="300 recipients served", seconds=60)

    assert set(receiver.copies().values()) == {1}


def test_without_a_connector_mail_waits_until_one_is_made(program, receiver, swaks):
    swaks("bob@fabrikam.test", content=AS_SENT)
    waiting = ems_rows(program, "Get-Queue -Exclude Empty")
    assert [queue["Identity"] for queue in waiting] == ["E15MB1\\Unreachable"]
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )

    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the waiting message arrives")


def test_a_stopped_receiver_shows_in_the_queue_and_retry_delivers_at_once(program, receiver, swaks):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    receiver.stop()
    swaks("bob@fabrikam.test", content=AS_SENT)

    def in_retry():
        return ems_rows(program, "Get-Queue -Filter \"Status -eq 'Retry'\"")

    queue = wait_until(in_retry, what="the queue is in Retry")[0]
    assert "refused" in queue["LastError"].lower()
    assert queue["NextRetryTime"] is not None
    receiver.start()
    ems(program, "Get-Queue -Filter \"Status -eq 'Retry'\" | Retry-Queue")

    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the message arrives", seconds=5)


def test_removal_with_a_report_brings_one_to_the_sender(program, swaks):
    dead_port = free_port()
    with ReceivingServer() as home:
        ems(
            program,
            'New-SendConnector -Name "Dead" -AddressSpaces fabrikam.test -DNSRoutingEnabled $false'
            f" -SmartHosts 127.0.0.1 -Port {dead_port}",
        )
        ems(
            program,
            'New-SendConnector -Name "Home" -AddressSpaces contoso.test -DNSRoutingEnabled $false'
            f" -SmartHosts 127.0.0.1 -Port {home.port}",
        )
        swaks("bob@fabrikam.test", content=AS_SENT)

        def stuck():
            return ems_rows(program, "Get-Message -Filter \"FromAddress -eq 'anna@contoso.test'\"")

        identity = wait_until(stuck, what="the message waits")[0]["Identity"]
        ems(program, f"Remove-Message {identity} -WithNDR $true -Confirm:$false")
        mail = wait_until(lambda: home.to("anna@contoso.test"), what="the report arrives")[0]

    report = email.message_from_bytes(mail.content, policy=policy.default)
    assert mail.mail_from == ""
    assert report.get_content_type() == "multipart/report"
    assert report["Subject"].startswith("Undeliverable:")
    assert "bob@fabrikam.test" in report.get_body().get_content()
