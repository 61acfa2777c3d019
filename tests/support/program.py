"""The whole program as an administrator starts it: `manage.py up` on a scratch data directory and free ports.

with Program() as program:
    swaks(program.smtp)
    program.kill("worker")
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0
STOPPED_WITHIN = 90.0
_STARTED = re.compile(r" program_started .*process_id=(?P<pid>\d+) program=(?P<name>\w+)")
_PASSWORD = re.compile(r"user admin, password (\S+)$")


class Program:
    """A running program; leaving the `with` block ends it at once and removes its data directory.

    The end that an administrator would choose is `stop()`: it takes the seconds that open sessions need.

    `environment` adds settings or, with None, takes them away; a `data_dir` that is given is kept.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str | None] | None = None,
        data_dir: Path | None = None,
        server: str = "E15MB1",
    ) -> None:
        self._own_data_dir = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="admincenter-up-"))
        self.server = server
        self.smtp = ("127.0.0.1", free_port())
        self.web_url = f"http://127.0.0.1:{free_port()}"
        self.command = [sys.executable, ROOT / "manage.py", "up"]
        self.environment = self._environment(environment or {})
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def _environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """Ours, without the settings of the test run and of whoever started it."""
        strangers = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith("ADMINCENTER_") and k not in strangers
        }
        wanted = {
            **kept,
            "ADMINCENTER_DATA_DIR": str(self.data_dir),
            "ADMINCENTER_HTTP": self.web_url.removeprefix("http://"),
            "ADMINCENTER_SMTP": f"{self.smtp[0]}:{self.smtp[1]}",
            "ADMINCENTER_SERVER": self.server,
            "ADMINCENTER_FQDN": f"{self.server.lower()}.admincenter.test",
            **changes,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            if self.process is not None:
                self._put_down()
        finally:
            if self._own_data_dir:
                shutil.rmtree(self.data_dir, ignore_errors=True)

    def start(self) -> None:
        """Run `command`; it ends when the test run dies."""
        self.process = subprocess.Popen(
            [shutil.which("setpriv"), "--pdeathsig", "TERM", *self.command],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, args=[self.process], daemon=True)
        self._reader.start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        self.lines.extend(line.rstrip("\n") for line in process.stdout)

    def wait_ready(self) -> None:
        """Wait until the web answers, SMTP greets and the worker takes work."""
        try:
            wait_until(
                lambda: (
                    self._ended() or (self._worker_is_ready() and self._smtp_greets() and self._web_answers())
                ),
                what="the program is ready",
                seconds=READY_WITHIN,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed:\n{self.output}") from error
        if self._ended():
            raise AssertionError(f"the program ended with status {self.process.returncode}:\n{self.output}")

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _worker_is_ready(self) -> bool:
        """Whether the worker said so since its last start."""
        started = max(
            (
                number
                for number, line in enumerate(self.lines)
                if " program_started " in line and " program=worker" in line
            ),
            default=None,
        )
        return started is not None and any(line.endswith(" ready.") for line in self.lines[started:])

    def _smtp_greets(self) -> bool:
        try:
            with socket.create_connection(self.smtp, timeout=5) as connection:
                return connection.recv(100).startswith(b"220 ")
        except OSError:
            return False

    def _web_answers(self) -> bool:
        connection = http.client.HTTPConnection(self.web_url.removeprefix("http://"), timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop the program as an administrator would; returns its exit status."""
        if self.process is None:
            return 0
        if not self._ended():
            self.process.send_signal(signum)
        try:
            self.process.wait(timeout=STOPPED_WITHIN)
        finally:
            self._put_down()
        return self.process.returncode

    def _put_down(self) -> None:
        """Make sure that nothing of ours is left, whatever the test did to it."""
        if not self._ended():
            self.process.kill()
            self.process.wait()
        for pid in self.all_pids:
            if self.is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        self._reader.join(timeout=10)
        self.process.stdout.close()

    @property
    def output(self) -> str:
        """Everything that the program printed."""
        return "\n".join(self.lines)

    @property
    def password(self) -> str | None:
        """The one-time password of `admin`, None if it was not printed."""
        found = [match[1] for line in self.lines if (match := _PASSWORD.search(line))]
        return found[0] if found else None

    @property
    def pids(self) -> dict[str, int]:
        """The latest process of each program: redis, web, worker, smtp."""
        return {
            match["name"]: int(match["pid"]) for line in list(self.lines) if (match := _STARTED.search(line))
        }

    @property
    def all_pids(self) -> list[int]:
        """Every process that was ever started for a program."""
        return [int(match["pid"]) for line in list(self.lines) if (match := _STARTED.search(line))]

    def is_ours(self, pid: int) -> bool:
        """Whether this process lives and belongs to this program: its environment names our directory."""
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"ADMINCENTER_DATA_DIR={self.data_dir}".encode() in environment

    def processes(self) -> list[int]:
        """Every living process with our data directory in its environment, children of children too."""
        everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in everyone if self.is_ours(pid)]

    def kill(self, name: str, signum: int = signal.SIGKILL) -> int:
        """Send a signal, `kill -9` by default, to one program; returns the process that got it."""
        pid = self.pids[name]
        os.kill(pid, signum)
        return pid

    def wait_restarted(self, name: str, *, after: int) -> int:
        """Wait until another process than `after` runs a program; returns it."""
        wait_until(lambda: self.pids[name] != after, what=f"{name} starts again")
        return self.pids[name]

    def manage(
        self, *arguments: str, check: bool = True, stdin: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with the settings of this program, such as `manage("ems", "-c", "Get-Queue")`."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"manage.py {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done
