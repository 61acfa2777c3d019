"""The disk fills up: mail is refused before it could be lost, deliveries go on, all comes back by itself."""

import contextlib
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.mail_client import Clients
from tests.support.program import Program
from tests.support.small_disk import SmallDisk
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
MIB = 1024 * 1024
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * (24 * MIB // 78)
PLAIN = b"Subject: plain\r\n\r\nHello.\r\n"


@pytest.fixture
def disk(tmp_path):
    with SmallDisk(tmp_path / "disk", size_bytes=128 * MIB) as small:
        yield small


@pytest.fixture
def program(disk):
    with Program(data_dir=disk.directory) as running:
        yield running


def client(program):
    return smtplib.SMTP(*program.smtp, local_hostname="client.test", timeout=60)


def mail(program):
    """What MAIL gets now."""
    with client(program) as connection:
        connection.ehlo()
        return connection.mail("anna@contoso.test")


def answer(program, recipient):
    """What a message gets: the code of its end, or of MAIL where it is refused."""
    with client(program) as connection:
        connection.ehlo()
        code, text = connection.mail("anna@contoso.test")
        if code != 250:
            return code, text
        assert connection.rcpt(recipient)[0] == 250
        return connection.data(PLAIN)


def test_mail_is_refused_before_the_disk_is_full_and_deliveries_go_on(program, disk, receiver):
    ems(
        program,
        "New-SendConnector -Name Relay -AddressSpaces * -DNSRoutingEnabled $false"
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    assert answer(program, "bob@fabrikam.test")[0] == 250
    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the way is open")
    ems(program, "Get-Queue | Suspend-Queue")
    assert answer(program, "eva@fabrikam.test")[0] == 250
    disk.fill(leaving_bytes=8 * MIB)
    wait_until(lambda: answer(program, "x@fabrikam.test")[0] == 452, what="mail is refused")

    assert answer(program, "x@fabrikam.test") == (452, b"4.3.1 Insufficient system resources")
    (pressed,) = ems_rows(program, "Get-BackPressure | where {$_.Level -eq 'High'}")
    assert pressed["Resource"] == "UsedDiskSpace"
    assert pressed["Value"] >= pressed["High"]
    assert "back_pressure_rose" in program.output

    ems(program, "Get-Queue | Resume-Queue")
    wait_until(lambda: receiver.to("eva@fabrikam.test"), what="what was accepted is delivered meanwhile")

    disk.clear()
    wait_until(lambda: answer(program, "carl@fabrikam.test")[0] == 250, what="mail is taken again")
    assert not ems_rows(program, "Get-BackPressure | where {$_.Level -ne 'Normal'}")


def test_a_disk_that_is_full_at_the_final_dot_loses_nothing_and_recovers_by_itself(program, disk):
    accepted = [f"{number}@fabrikam.test" for number in range(5)]
    assert [answer(program, recipient)[0] for recipient in accepted] == [250] * 5
    with client(program) as connection:
        connection.ehlo()
        connection.mail("anna@contoso.test")
        connection.rcpt("large@fabrikam.test")
        connection.docmd("DATA")
        disk.fill()
        connection.send(LARGE + b".\r\n")

        code, text = connection.getreply()
        assert (code, text) == (452, b"4.3.1 Insufficient system resources")
        with contextlib.suppress(smtplib.SMTPException):
            assert connection.noop()[0] == 250

    disk.clear()
    wait_until(lambda: answer(program, "later@fabrikam.test")[0] == 250, what="mail is taken again")
    waiting = ems_rows(program, "Get-Message -ResultSize unlimited -IncludeRecipientInfo")
    kept = {one["Recipients"][0]["Address"] for one in waiting}
    assert kept == {*accepted, "later@fabrikam.test"}


def test_a_disk_that_fills_up_under_load_loses_nothing_and_doubles_nothing(program, disk, receiver):
    ems(
        program,
        "New-SendConnector -Name Relay -AddressSpaces * -DNSRoutingEnabled $false"
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    with Clients(program.smtp, most=900, pause=0.01) as clients:
        wait_until(lambda: len(clients.accepted) > 200, what="mail flows")
        disk.fill()
        wait_until(lambda: mail(program)[0] == 452, what="mail is refused")
        disk.fill()
        disk.clear()
        clients.join()
    wait_until(lambda: set(clients.accepted) <= set(receiver.copies()), what="all is delivered", seconds=60)

    assert set(receiver.copies().values()) == {1}
