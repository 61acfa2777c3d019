"""Redis is there and answers nothing: mail is taken in, and the server does not seem dead."""

import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.conftest import ems
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow


@contextlib.contextmanager
def program_paused(program, name: str) -> Iterator[None]:
    """One of its programs stands still: it is there, and answers nothing."""
    program.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        program.kill(name, signal.SIGCONT)


def test_a_redis_that_hangs_stops_neither_accepting_nor_the_clock_of_the_server(program, receiver, swaks):
    """Twelve queues: rings that each wait for a time-out would stop the clock for minutes."""

    def last_beat() -> datetime:
        with contextlib.closing(sqlite3.connect(program.data_dir / "admincenter.sqlite3")) as database:
            found = database.execute("SELECT last_beat_at FROM transport_transportserver").fetchone()[0]
        return datetime.fromisoformat(found).replace(tzinfo=UTC)

    for number in range(12):
        ems(
            program,
            f'New-SendConnector -Name "P{number}" -AddressSpaces d{number}.test -DNSRoutingEnabled $false'
            f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
        )
    recipients = [f"bob@d{number}.test" for number in range(12)]
    with program_paused(program, "redis"):
        paused_at = datetime.now(UTC)
        swaks(*recipients)
        wait_until(
            lambda: last_beat() > paused_at + timedelta(seconds=10), what="the server beats on", seconds=20
        )
    wait_until(lambda: set(recipients) <= set(receiver.copies()), what="the mail arrives", seconds=60)

    assert receiver.copies().total() == 12
