"""The disk does not flush, or is full: no 250 without the message on it, no dot without the last outcome."""

import contextlib
import shutil
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.story import Story
from tests.support.program import Program
from tests.support.small_disk import SmallDisk
from tests.support.smtp_peer import DOT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
MIB = 1024 * 1024


@contextlib.contextmanager
def flushes_fail(pid: int) -> Iterator[None]:
    """Every flush of this process gives EIO."""
    strace = shutil.which("strace")
    assert strace, "strace is not installed: run `make test` as root or install it"
    inject = "inject=fsync,fdatasync:error=EIO"
    with subprocess.Popen(
        [strace, "-f", "-q", "-p", str(pid), "-e", "trace=fsync,fdatasync", "-e", inject],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as tracing:
        try:
            wait_until(lambda: traced(pid), what="strace is attached")
            yield
        finally:
            tracing.terminate()
            tracing.communicate()


def traced(pid: int) -> bool:
    """Whether somebody traces this process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)


def answer(program, recipient) -> int:
    with smtplib.SMTP(*program.smtp, timeout=60) as client:
        try:
            client.sendmail("anna@contoso.test", [recipient], "Subject: 0\r\n\r\nHello.\r\n")
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code
        return 250


def test_a_disk_that_cannot_flush_gives_no_250_and_a_client_keeps_its_message(program, story):
    told = story("flush")
    told.hand_in(1)
    told.wait_arrived()
    with flushes_fail(program.pids["smtp"]):
        assert answer(program, f"lost@{told.domain}") in {451, 452}
    told.hand_in(2)
    told.wait_arrived()

    assert told.copies().total() == 3


@pytest.fixture
def small(tmp_path):
    with SmallDisk(tmp_path / "disk", size_bytes=64 * MIB) as disk:
        yield disk


def test_outcomes_wait_in_memory_while_the_disk_is_full_and_nothing_is_sent_twice(small):
    def fill(talk):
        # What was written back leaves room in the log, in which commits go on although the disk is full.
        with contextlib.closing(sqlite3.connect(small.directory / "admincenter.sqlite3", timeout=10)) as own:
            own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        small.fill()
        talk.say(b"250 2.0.0 ok\r\n")

    with Program(data_dir=small.directory) as program:
        told = Story(program, "full")
        try:
            told.let(DOT, fill, after=3)
            told.hand_in(12)
            wait_until(lambda: "commit_waits_for_the_database" in program.output, what="the ledger waits")
            time.sleep(1)
            at_the_peer = told.copies().total()
            small.clear()
            told.wait_arrived()

            assert at_the_peer < 12
            assert told.doubled() == 0
        finally:
            told.end()
