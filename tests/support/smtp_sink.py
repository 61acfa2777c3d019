"""Postfix's smtp-sink: a receiving server that fails on demand and keeps what it took."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.support.ports import free_port, is_bound
from tests.support.waiting import wait_until
from tests.tools import SEARCH_PATH


class SmtpSink:
    """Use as a context manager. `options` are those of smtp-sink(1)."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="smtp-sink-"))
        self._folder.chmod(0o777)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Listen; returns before the port answers."""
        program = shutil.which("smtp-sink", path=SEARCH_PATH)
        assert program, "smtp-sink is missing: apt-get install postfix"
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [program, *user, *self.options, "-d", "mail.", f"127.0.0.1:{self.port}", "100"]
        self._process = subprocess.Popen(command, cwd=self._folder)

    def wait_listening(self) -> None:
        """Wait until the port is bound, without a connection that would count."""
        wait_until(lambda: is_bound(self.port), what="smtp-sink listens")

    def stop(self) -> None:
        """Refuse connections; what was taken stays readable."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def taken(self, last_line: bytes) -> int:
        """How many messages came down to their last line, whatever was answered."""
        return sum(b"\n" + last_line + b"\n" in dump.read_bytes() for dump in self._folder.iterdir())
