"""The world of the stories: the whole program, a DNS server and receiving servers, all on loopback."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.nameserver import Nameserver
from tests.support.program import Program
from tests.support.receiving_server import ReceivingServer

MX_ZONE = """
fabrikam    MX 10 mx.fabrikam
mx.fabrikam A 127.0.0.1
contoso     MX 10 mx.fabrikam
"""


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[ReceivingServer]:
    with ReceivingServer() as server:
        yield server


@pytest.fixture
def dns(program: Program) -> Iterator[Nameserver]:
    """The zone `test`, asked by the program for external names."""
    with Nameserver({"test": MX_ZONE}) as server:
        ems(
            program,
            f"Set-TransportService E15MB1 -ExternalDNSServers {server.address}"
            " -AllowedMxNetworks 127.0.0.0/8",
        )
        yield server


def ems(program: Program, line: str) -> str:
    """Run one line in the management shell; a failure shows its error."""
    return program.manage("ems", "-c", line).stdout


def ems_rows(program: Program, line: str) -> list[dict[str, Any]]:
    """The objects that one line of the management shell gives."""
    return json.loads(program.manage("ems", "--json", "-c", line).stdout)


def tool(name: str) -> str:
    """The path of a program that tests need; its absence is a failure that names it."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin")
    assert found, f"{name} is not installed: run `make test` as root or install it"
    return found


@pytest.fixture
def swaks(program: Program, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Hand one message to the program as a mail client would."""

    def send(
        *recipients: str, content: bytes | None = None, mail_from: str = "anna@contoso.test"
    ) -> "subprocess.CompletedProcess[str]":
        command = [tool("swaks"), "--server", f"{program.smtp[0]}:{program.smtp[1]}", "--from", mail_from]
        command += ["--to", ",".join(recipients), "--hide-all"]
        if content is not None:
            # swaks ends the message with a line end of its own.
            (tmp_path / "message.eml").write_bytes(content.removesuffix(b"\r\n"))
            command += ["--data", f"@{tmp_path / 'message.eml'}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return send


def smtp_source(program: Program, *, messages: int, sessions: int = 10, size_bytes: int = 2048) -> None:
    """Load the program with Postfix's own tool; recipients are 1b@fabrikam.test, 2b@…"""
    subprocess.run(
        [
            tool("smtp-source"),
            *("-s", str(sessions), "-m", str(messages), "-l", str(size_bytes), "-N", "-d"),
            *("-f", "anna@contoso.test", "-t", "b@fabrikam.test", f"{program.smtp[0]}:{program.smtp[1]}"),
        ],
        timeout=120,
        check=True,
    )
