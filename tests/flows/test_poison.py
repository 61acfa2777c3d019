"""A message that kills the worker: it is laid aside after two deaths, everything else arrives."""

import os
import threading
from pathlib import Path

import pytest

from tests.flows.conftest import ems, ems_rows, smtp_source
from tests.support.program import Program
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
FAILPOINTS = Path(__file__).resolve().parents[1] / "support" / "failpoints"
DEADLY = b"X-Failpoint: kill\r\nSubject: Deadly\r\nMessage-ID: <deadly@client.test>\r\n\r\nBoom.\r\n"
MESSAGES = 200


@pytest.fixture
def program():
    path = os.pathsep.join(filter(None, (str(FAILPOINTS), os.environ.get("PYTHONPATH"))))
    with Program(environment={"PYTHONPATH": path}) as running:
        yield running


def test_a_message_that_kills_the_worker_twice_waits_in_the_poison_queue_while_200_others_arrive(
    program, receiver, swaks
):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    smtp_source(program, messages=MESSAGES // 2)
    swaks("victim@fabrikam.test", content=DEADLY)
    smtp_source(program, messages=MESSAGES // 2)
    wait_until(
        lambda: (
            [row["Subject"] for row in ems_rows(program, r"Get-Message -Queue E15MB1\Poison")] == ["Deadly"]
        ),
        what="the deadly message is laid aside",
        seconds=90,
    )
    expected = {f"{number}b@fabrikam.test" for number in range(1, MESSAGES // 2 + 1)}
    wait_until(
        lambda: all(receiver.copies()[address] >= 2 for address in expected),
        what="both hundreds arrived",
        seconds=60,
    )
    deaths = [line for line in program.lines if " program=worker" in line and "was ended by signal 9" in line]
    (poison,) = ems_rows(program, r"Get-Queue E15MB1\Poison")

    assert "victim@fabrikam.test" not in receiver.copies()
    assert poison["MessageCount"] == 1
    assert len(ems_rows(program, "Get-Message")) == 1
    assert len(deaths) == 2


def test_workers_that_are_killed_during_normal_work_make_no_message_a_poison_message(program, receiver):
    ems(
        program,
        'New-SendConnector -Name "Provider" -AddressSpaces "*" -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    load = threading.Thread(target=smtp_source, args=[program], kwargs={"messages": 600})
    load.start()
    for arrived in (50, 150, 250):
        wait_until(
            lambda most=arrived: len(receiver.mails) >= most, what=f"{arrived} messages arrived", seconds=60
        )
        pid = program.kill("worker")
        program.wait_restarted("worker", after=pid)
    load.join(120)
    expected = {f"{number}b@fabrikam.test" for number in range(1, 601)}
    wait_until(lambda: expected <= set(receiver.copies()), what="every message arrived", seconds=90)

    assert not any("message_laid_aside" in line for line in program.lines)
    assert ems_rows(program, "Get-Message") == []
