"""Under load, programs are killed at random, restarted one after the other, or find their database locked.

clients with a ledger ──▶ program, killed ──▶ peer that counts copies

FAULTS_SECONDS=600 makes the random part last ten minutes; what was double is printed then.
"""

import contextlib
import os
import random
import signal
import sqlite3
import sys
import time

import pytest

from tests.faults.story import subjects
from tests.flows.conftest import ems
from tests.support.mail_client import Clients
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
SECONDS = float(os.environ.get("FAULTS_SECONDS", "6"))
OURS = ("redis", "worker", "smtp", "web")


@pytest.fixture
def peer(program):
    with Peer() as started:
        ems(
            program,
            "Get-SendConnector | Remove-SendConnector -Confirm:$false; "
            "New-SendConnector -Name Load -AddressSpaces * -DNSRoutingEnabled $false"
            f" -SmartHosts 127.0.0.1 -Port {started.port}",
        )
        yield started


def open_sessions(peer) -> int:
    return sum(not talk.over for talk in list(peer.talks))


def wait_served(clients, peer) -> None:
    expected = set(clients.accepted)
    # Counting is cheap, comparing is not: the peer runs in this very process.
    wait_until(
        lambda: len(peer.contents) >= len(expected) and expected <= set(subjects(peer)),
        what="all that was accepted arrived",
        seconds=60 + len(expected) / 200,
    )


def doubled(peer) -> int:
    copies = subjects(peer)
    return copies.total() - len(copies)


def test_random_kills_lose_nothing_and_double_at_most_one_message_for_each_open_session(program, peer):
    kills, allowed, ends = 0, 0, time.monotonic() + SECONDS
    with Clients(program.smtp, most=10**9, count=10, pause=0.02) as clients:
        while time.monotonic() < ends:
            time.sleep(random.uniform(0.3, 2.0))  # noqa: S311 - any moment will do
            name = random.choice(OURS)  # noqa: S311 - and any program
            here = open_sessions(peer)
            pid = program.kill(name)
            wait_until(lambda: program.pids[name] != pid, what=f"{name} starts again", seconds=60)  # noqa: B023
            kills += 1
            allowed += here if name == "worker" else 0
        clients.finish()
        wait_served(clients, peer)
    accepted, double = len(clients.accepted), doubled(peer)
    sys.stdout.write(f"{kills} kills, {accepted} accepted, {double} double of {allowed} allowed\n")

    assert accepted > 20
    assert double <= allowed


def test_a_restart_of_everything_in_turn_loses_nothing_and_doubles_nothing(program, peer):
    with Clients(program.smtp, most=10**9, count=10, pause=0.02) as clients:
        wait_until(lambda: len(clients.accepted) > 50, what="mail flows", seconds=30)
        for name in ("worker", "smtp", "redis", "worker"):
            pid = program.kill(name, signal.SIGTERM)
            wait_until(lambda: program.pids[name] != pid, what=f"{name} starts again", seconds=60)  # noqa: B023
            before = len(clients.accepted)
            wait_until(lambda: len(clients.accepted) > before + 20, what=f"mail after {name}", seconds=60)  # noqa: B023
        clients.finish()
        wait_served(clients, peer)

    assert doubled(peer) == 0


def test_a_database_locked_by_somebody_else_loses_nothing_and_doubles_nothing(program, peer):
    with Clients(program.smtp, most=10**9, count=10, pause=0.02) as clients:
        wait_until(lambda: len(clients.accepted) > 50, what="mail flows", seconds=30)
        path = program.data_dir / "admincenter.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(3)
            at_the_lock = len(peer.contents)
            time.sleep(1)
            assert len(peer.contents) == at_the_lock
            other.execute("ROLLBACK")
        before = len(clients.accepted)
        wait_until(lambda: len(clients.accepted) > before + 50, what="mail flows again", seconds=60)
        clients.finish()
        wait_served(clients, peer)

    assert doubled(peer) == 0
