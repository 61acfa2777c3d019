"""The supervisor at work on small shell programs, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest

from admincenter.process.supervision import LONGEST_DELAY, restart_delay
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = textwrap.dedent("""
    import logging, signal, sys
    from datetime import timedelta
    from admincenter.process.supervision import Program, supervise
    from admincenter.logs import line_formatter
    logging.basicConfig(stream=sys.stdout, level="INFO", force=True)
    logging.getLogger().handlers[0].setFormatter(line_formatter())
    {before}
    supervise([
        Program(name=name, command=("sh", "-c", script), grace=timedelta(seconds=float(grace)))
        for name, script, grace in zip(*[iter(sys.argv[1:])] * 3)
    ])
""")
ENDLESS = "exec sleep 1000"


class Supervisor:
    """`supervise` in a child process, with what it and its programs print."""

    def __init__(self, *programs: tuple[str, str, float], before: str = "") -> None:
        arguments = [str(part) for program in programs for part in program]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(before=before), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.process.terminate()
            self.process.wait(timeout=10)
        finally:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=10)
        self.process.stdout.close()

    def _read(self) -> None:
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

    def wait_for(self, pattern: str, *, times: int = 1) -> list[re.Match[str]]:
        """Wait until so many lines match the pattern; returns the matches."""

        def matches() -> list[re.Match[str]]:
            found = [match for line in list(self.lines) if (match := re.search(pattern, line))]
            return found if len(found) >= times else []

        return wait_until(matches, what=f"{pattern} ({times} times) in {self.lines}")

    def pid_of(self, name: str, *, start: int = 1) -> int:
        """The process of a program at its n-th start."""
        return int(
            self.wait_for(rf" program_started .*process_id=(\d+) program={name}\b", times=start)[start - 1][1]
        )

    def stop(self, signum: int = signal.SIGTERM) -> int:
        self.process.send_signal(signum)
        status = self.process.wait(timeout=20)
        self._reader.join(timeout=10)
        return status


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0.25), (2, 0.5), (3, 1), (7, 16), (8, 30), (100, 30), (1_000_000, 30)],
)
def test_the_wait_before_a_restart_doubles_up_to_half_a_minute(failures, seconds):
    assert restart_delay(failures) == timedelta(seconds=seconds)
    assert restart_delay(failures) <= LONGEST_DELAY


def test_a_killed_program_starts_again_and_its_neighbour_does_not_notice():
    with Supervisor(("web", ENDLESS, 5), ("smtp", ENDLESS, 5)) as supervisor:
        web, smtp = supervisor.pid_of("web"), supervisor.pid_of("smtp")
        os.kill(smtp, signal.SIGKILL)
        assert supervisor.pid_of("smtp", start=2) != smtp
        supervisor.wait_for(
            r" program_starts_again .*delay_s=0.25 .*program=smtp reason='was ended by signal 9 \(Killed\)'"
        )
        assert is_alive(web)


def test_a_program_that_fails_at_once_is_tried_again_and_again_with_longer_waits():
    with Supervisor(("web", "exit 7", 5)) as supervisor:
        waits = supervisor.wait_for(r"delay_s=([0-9.]+) .*program=web reason='ended with status 7'", times=4)
        assert [float(wait[1]) for wait in waits[:4]] == [0.25, 0.5, 1.0, 2.0]


def test_a_program_that_cannot_be_started_is_tried_again(tmp_path):
    before = f"import os; os.environ['PATH'] = '{tmp_path}'"
    with Supervisor(("web", ENDLESS, 5), before=before) as supervisor:
        supervisor.wait_for(r"program=web reason=.cannot be started: .*No such file", times=2)
        (tmp_path / "sh").symlink_to("/bin/sh")
        (tmp_path / "sleep").symlink_to("/bin/sleep")
        assert is_alive(supervisor.pid_of("web"))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_ends_the_programs_backwards_and_with_status_0(signum):
    polite = "trap 'echo {0} is asked; exit 0' TERM; echo {0} runs; while :; do sleep 0.05; done"
    programs = [(name, polite.format(name), 5) for name in ("redis", "web", "worker", "smtp")]
    with Supervisor(*programs) as supervisor:
        supervisor.wait_for(" runs$", times=4)
        assert supervisor.stop(signum) == 0
        asked = [line.split()[0] for line in supervisor.lines if line.endswith("is asked")]
        assert asked == ["smtp", "worker", "web", "redis"]


def test_a_program_gets_its_grace_before_the_next_one_is_asked():
    slow = "trap 'sleep 0.5; echo slow is done; exit 0' TERM; echo slow runs; while :; do sleep 0.05; done"
    first = "trap 'echo first is asked; exit 0' TERM; echo first runs; while :; do sleep 0.05; done"
    with Supervisor(("first", first, 5), ("slow", slow, 5)) as supervisor:
        supervisor.wait_for(" runs$", times=2)
        assert supervisor.stop() == 0
        assert supervisor.lines.index("slow is done") < supervisor.lines.index("first is asked")


STUBBORN = "trap '' TERM; echo stubborn runs; while :; do sleep 0.05; done"


def test_a_program_that_does_not_end_is_killed_when_its_grace_is_over():
    with Supervisor(("stubborn", STUBBORN, 0.2)) as supervisor:
        supervisor.wait_for("stubborn runs")
        assert supervisor.stop() == 0
        assert not is_alive(supervisor.pid_of("stubborn"))
        supervisor.wait_for("program_killed .*program=stubborn")


def test_a_second_ctrl_c_ends_the_patience_but_a_second_sigterm_does_not():
    with Supervisor(("stubborn", STUBBORN, 1000)) as supervisor:
        supervisor.wait_for("stubborn runs")
        supervisor.process.send_signal(signal.SIGTERM)
        supervisor.wait_for(" stopping .*signal=SIGTERM")
        supervisor.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            supervisor.process.wait(timeout=0.5)
        assert supervisor.stop(signal.SIGINT) == 0
        assert not is_alive(supervisor.pid_of("stubborn"))


def test_what_a_killed_program_leaves_behind_is_ended_before_it_starts_again():
    parent = "sleep 1000 & echo child $!; wait"
    with Supervisor(("web", parent, 5)) as supervisor:
        child = int(supervisor.wait_for(r"^child (\d+)$")[0][1])
        os.kill(supervisor.pid_of("web"), signal.SIGKILL)
        supervisor.wait_for(r"^child \d+$", times=2)
        assert not is_alive(child)


def test_no_program_outlives_a_supervisor_that_was_killed():
    with Supervisor(("web", ENDLESS, 5), ("smtp", ENDLESS, 5)) as supervisor:
        pids = [supervisor.pid_of("web"), supervisor.pid_of("smtp")]
        supervisor.process.kill()
        wait_until(lambda: not any(map(is_alive, pids)), what="the programs end with their supervisor")


def test_a_hang_up_that_the_caller_ignores_does_not_stop_us():
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with Supervisor(("web", ENDLESS, 5), before=before) as supervisor:
        web = supervisor.pid_of("web")
        supervisor.process.send_signal(signal.SIGHUP)
        os.kill(web, signal.SIGKILL)
        assert is_alive(supervisor.pid_of("web", start=2))
        assert supervisor.stop() == 0


def test_ctrl_c_in_the_terminal_reaches_only_the_supervisor():
    with Supervisor(("web", ENDLESS, 5)) as supervisor:
        web = supervisor.pid_of("web")
        assert os.getpgid(web) != os.getpgid(supervisor.process.pid)
        assert os.getsid(web) == web
