"""A worker that stood still for longer than its lease, and two workers where there should be one."""

import contextlib
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.story import stop_between_transactions
from tests.support.smtp_peer import DOT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
MESSAGES = 12


@contextlib.contextmanager
def second_worker(program) -> Iterator[subprocess.Popen]:
    """Another worker of the same server, as somebody may start it by mistake."""
    first = Path(f"/proc/{program.pids['worker']}")
    command = (first / "cmdline").read_bytes().decode().split("\0")[:-1]
    environment = dict(
        line.split("=", 1) for line in (first / "environ").read_bytes().decode().split("\0") if line
    )
    with (program.data_dir / "second.log").open("wb") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def execute(program, statement: str) -> list[tuple]:
    path = program.data_dir / "admincenter.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database:
        found = database.execute(statement).fetchall()
        database.commit()
        return found


def left_after(program, *, connector: str, seconds: int) -> list[tuple]:
    """What waits when nothing should wait any more, with what is said about it.

    Of one story: another test may have left mail for a peer that is gone.
    """
    statement = (
        "SELECT m.id, m.state, m.session_id, m.next_attempt_at, m.last_error, m.crash_count, q.delivery_type,"
        " q.next_retry_at, q.last_error, q.connector_name FROM transport_queuedmessage m"
        " JOIN transport_queue q ON q.id = m.queue_id"
    )

    def left() -> list[tuple]:
        return [row for row in execute(program, statement) if row[-1] == connector]

    with contextlib.suppress(AssertionError):
        wait_until(lambda: not left(), what="nothing waits any more", seconds=seconds)
    return left()


def test_a_worker_that_wakes_up_behind_its_lease_writes_nothing_and_sends_nothing_more(program, story):
    stopped: list[int] = []

    def stop_and_answer(talk):
        stopped.append(stop_between_transactions(program))
        # It hears the answer when it wakes up, and goes on with what it takes for its own.
        talk.say(b"250 2.0.0 ok\r\n")

    told = story("asleep")
    told.let(DOT, stop_and_answer, after=2)
    told.hand_in(MESSAGES)
    wait_until(lambda: stopped, what="the worker stands still")
    sessions = sum(not talk.over for talk in told.peer.talks)
    execute(program, "UPDATE transport_session SET lease_until = '2001-01-01 00:00:00'")
    with second_worker(program):
        wait_until(
            lambda: (
                stopped[0]
                not in {row[0] for row in execute(program, "SELECT process_id FROM transport_session")}
            ),
            what="the second worker takes its mail back",
        )
        told.wait_arrived()
        os.kill(stopped[0], signal.SIGCONT)
        wait_until(lambda: "delivery_session_lost_its_lease" in program.output, what="it notices", seconds=20)
        more = told.accepted
        told.hand_in(MESSAGES)
        told.wait_arrived()

    assert told.doubled() <= sessions
    assert all(count == 1 for number, count in told.copies().items() if number >= more)
    # A claim of the worker that was ended may have to wait for its lease.
    assert left_after(program, connector="asleep", seconds=60) == []


def test_two_workers_of_one_server_send_each_message_once(program, story):
    told = story("twice")
    with second_worker(program) as second:
        told.hand_in(100)
        wait_until(
            lambda: b" ready." in (program.data_dir / "second.log").read_bytes(), what="the second is up"
        )
        told.hand_in(400)
        told.wait_arrived()

        assert second.poll() is None
    assert told.doubled() == 0
