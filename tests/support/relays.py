"""What the relays of others have in common: Postfix and Exim on loopback, as receivers and as smart hosts.

Each hands everything on to one recording server and listens on several ports:

- `mx_port` takes mail for fabrikam.test and below from anybody; STARTTLS is offered
- `clear_port` does the same and knows no TLS
- each of `submission_ports` takes mail for everybody, after STARTTLS and a login by one mechanism
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import trustme

from tests.support.ports import free_port, is_bound
from tests.support.waiting import wait_until

HOST = "smart.fabrikam.test"
USER = "relay"
PASSWORD = "right"
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


class Relay:
    """What both have in common; use as a context manager."""

    def __init__(self, *, forward_to: int, ca: trustme.CA) -> None:
        self.mx_port, self.clear_port = free_port(), free_port()
        self.submission_ports = {mechanism: free_port() for mechanism in MECHANISMS}
        self._forward_to, self._ca = forward_to, ca
        self._folder = Path(tempfile.mkdtemp(prefix="relay-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, "Postfix and Exim start as root only: run the tests as root"
        self._folder.chmod(0o755)
        certificate = self._ca.issue_cert(HOST)
        (self._folder / "certificate.pem").write_bytes(
            b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        )
        (self._folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        self.set_password(PASSWORD)
        self._process = self._start()
        ports = (self.mx_port, self.clear_port, *self.submission_ports.values())
        try:
            wait_until(lambda: all(map(is_bound, ports)) or self._process.poll(), what="the relay listens")
            assert self._process.poll() is None, self.log
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self._folder)

    @property
    def log(self) -> str:
        """What the relay says about itself."""
        return "".join(file.read_text(errors="replace") for file in self._folder.rglob("log*"))

    @property
    def user(self) -> str:
        """Whom to log in as."""
        return USER

    def set_password(self, password: str) -> None:
        """Change the password that the relay takes."""
        raise NotImplementedError

    def _start(self) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    def _filled(self, template: str, **more: object) -> str:
        values = {
            "folder": self._folder,
            "mx": self.mx_port,
            "clear": self.clear_port,
            "forward_to": self._forward_to,
            **more,
        }
        # Exim's own language is full of braces and dollars.
        return re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), template)
