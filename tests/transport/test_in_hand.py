"""What a process leaves behind about the message that it worked at when it was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from transport import in_hand

ROOT = Path(__file__).resolve().parents[2]
TWO_SESSIONS = """
import gevent.monkey; gevent.monkey.patch_all()
import gevent, os, pathlib, signal, sys
from transport import in_hand
in_hand.begin(pathlib.Path(sys.argv[1]), worker="w1")
def works():
    with in_hand.Holding(41):
        gevent.sleep(0.05)
        {dying}
def waits():
    with in_hand.Holding(42):
        gevent.sleep(30)
gevent.spawn(waits)
gevent.sleep(0)
gevent.spawn(works).join()
{idling}
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"


def run(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_process_that_dies_working_leaves_the_number_of_just_that_message(tmp_path):
    run(TWO_SESSIONS.format(dying=DIE, idling=""), tmp_path)

    assert in_hand.left_by(tmp_path, worker="w1") == 41


def test_a_process_that_is_killed_while_all_wait_leaves_none(tmp_path):
    killer = "gevent.spawn_later(0.05, os.kill, os.getpid(), signal.SIGKILL); gevent.sleep(30)"
    run(TWO_SESSIONS.format(dying="pass", idling=killer), tmp_path)

    assert in_hand.left_by(tmp_path, worker="w1") == 0


@pytest.mark.parametrize("content", [b"", b"1234", None])
def test_a_file_that_is_broken_or_missing_blames_nobody(tmp_path, content):
    if content is not None:
        (tmp_path / "1-w1").write_bytes(content)

    assert in_hand.left_by(tmp_path, worker="w1") == 0


def test_without_room_for_the_file_the_process_goes_on(tmp_path):
    (tmp_path / "full").write_bytes(b"")
    in_hand.begin(tmp_path / "full", worker="w1")

    with in_hand.Holding(41):
        assert in_hand.left_by(tmp_path / "full", worker="w1") == 0


def test_only_what_dead_processes_left_and_nobody_asks_for_is_removed(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    for process_id, worker in ((dead.pid, "gone"), (dead.pid, "asked"), (os.getpid(), "lives")):
        (tmp_path / f"{process_id}-{worker}").write_bytes(bytes(8))
    in_hand.clear(tmp_path, keep={"asked"})

    assert {path.name.partition("-")[2] for path in tmp_path.iterdir()} == {"asked", "lives"}
