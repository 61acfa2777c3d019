"""What an administrator changes while mail waits, and mail that was delivered and is wanted again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.flows.conftest import ems, ems_rows
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow


@pytest.fixture
def provider(program, receiver):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    return receiver


def test_a_shorter_interval_reaches_mail_that_waits_already(program, provider, swaks):
    provider.stop()
    swaks("bob@fabrikam.test")
    wait_until(
        lambda: any(queue["Status"] == "Retry" for queue in ems_rows(program, "Get-Queue")),
        what="the queue is in Retry",
        seconds=30,
    )
    provider.start()
    ems(program, "Set-TransportService E15MB1 -QueueGlitchRetryInterval 00:00:02")

    wait_until(lambda: len(provider.mails) == 1, what="the message arrived within seconds", seconds=20)


def test_mail_comes_once_more_from_the_safety_net_with_its_message_id(program, provider, swaks):
    swaks("bob@fabrikam.test", content=b"Message-ID: <once@client.test>\r\nSubject: Hello\r\n\r\nHello.\r\n")
    wait_until(lambda: len(provider.mails) == 1, what="the message arrived", seconds=30)
    begin, end = timezone.now() - timedelta(hours=1), timezone.now() + timedelta(hours=1)
    ems(
        program,
        f"Add-ResubmitRequest -StartTime '{begin:%Y-%m-%d %H:%M}' -EndTime '{end:%Y-%m-%d %H:%M}'"
        " -Recipient bob@fabrikam.test -Confirm:$false",
    )
    wait_until(lambda: len(provider.mails) == 2, what="the copy arrived", seconds=30)
    first, second = provider.mails
    (request,) = ems_rows(program, "Get-ResubmitRequest")

    assert b"<once@client.test>" in first.content
    assert first.content == second.content
    assert (request["State"], request["Resubmitted"]) == ("Completed", 1)
