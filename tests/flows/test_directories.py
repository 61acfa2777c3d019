"""Mail that programs hand in as files, through the whole program."""

import os

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
MAIL = "From: anna@contoso.test\nTo: {to}\nBcc: eva@fabrikam.test\nSubject: a file\n\nHello.\n"


def drop(directory, name, data):
    """Write it as a well-behaved program does: elsewhere first, then renamed."""
    (directory / f"{name}.part").write_bytes(data)
    os.utime(directory / f"{name}.part", (0, 0))
    (directory / f"{name}.part").rename(directory / name)


def test_a_file_is_delivered_and_what_is_exported_comes_back_in_through_replay(program, receiver, tmp_path):
    ems(
        program,
        "New-SendConnector -Name Relay -AddressSpaces * -DNSRoutingEnabled $false"
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    pickup, replay = program.data_dir / "Pickup", program.data_dir / "Replay"
    drop(pickup, "x.eml", MAIL.format(to="bob@fabrikam.test").encode())
    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="the file is delivered")
    (mail,) = receiver.mails

    assert mail.recipients == ("bob@fabrikam.test", "eva@fabrikam.test")
    assert b"eva@fabrikam.test" not in mail.content
    assert mail.content.endswith(
        b"From: anna@contoso.test\r\nTo: bob@fabrikam.test\r\nSubject: a file\r\n\r\nHello.\r\n"
    )
    wait_until(lambda: not list(pickup.iterdir()), what="the file is gone")

    ems(program, "Get-Queue | Suspend-Queue")
    drop(pickup, "y.eml", MAIL.format(to="carl@fabrikam.test").encode())
    (waiting,) = wait_until(lambda: ems_rows(program, "Get-Message"), what="it waits")
    ems(program, f"Export-Message {waiting['Identity']} -ForReplay -Path '{tmp_path / 'out.eml'}'")
    ems(program, f"Remove-Message {waiting['Identity']} -WithNDR $false -Confirm:$false")
    ems(program, "Get-Queue | Resume-Queue")
    drop(replay, "out.eml", (tmp_path / "out.eml").read_bytes())
    wait_until(lambda: receiver.to("carl@fabrikam.test"), what="it is replayed")

    assert receiver.to("carl@fabrikam.test")[0].recipients == ("carl@fabrikam.test", "eva@fabrikam.test")


def test_a_listener_that_is_killed_over_its_files_loses_and_doubles_none(program, receiver):
    ems(
        program,
        "New-SendConnector -Name Relay -AddressSpaces * -DNSRoutingEnabled $false"
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    ems(program, "Set-TransportService E15MB1 -PickupDirectoryMaxMessagesPerMinute 20000")
    pickup = program.data_dir / "Pickup"
    wanted = {f"{number}@fabrikam.test" for number in range(300)}
    for recipient in wanted:
        drop(
            pickup,
            f"{recipient}.eml",
            MAIL.format(to=recipient).replace("Bcc: eva@fabrikam.test\n", "").encode(),
        )
    for left in (280, 200, 100):
        wait_until(
            lambda most=left: len(list(pickup.iterdir())) < most, what=f"fewer than {left} files", seconds=30
        )
        program.wait_restarted("smtp", after=program.kill("smtp"))
    wait_until(lambda: wanted <= set(receiver.copies()), what="all are delivered", seconds=60)

    assert set(receiver.copies().values()) == {1}
    wait_until(lambda: not list(pickup.iterdir()), what="all files are gone")
