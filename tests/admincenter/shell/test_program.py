"""`manage.py ems` as a program of its own: statuses, pipes, a terminal, files that it leaves."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30.0
"""Seconds; far more than anything here takes."""
PROMPT = "E15MB1>"
ROWS_AND_COLUMNS = (24, 200)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A data directory with tables and one server."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ADMINCENTER_", "DATABASE"))
    }
    data = tmp_path_factory.mktemp("data")
    environment = kept | {
        "ADMINCENTER_DATA_DIR": str(data),
        "ADMINCENTER_SERVER": "E15MB1",
        "DJANGO_SETTINGS_MODULE": "admincenter.settings",
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }
    register = "from transport import servers; servers.register()"
    for arguments in (["migrate", "-v0"], ["shell", "-v0", "-c", register]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=PATIENCE)
    return environment


@pytest.fixture
def data(environment):
    return Path(environment["ADMINCENTER_DATA_DIR"])


@pytest.fixture
def start(environment):
    """Run the program; give what came of it."""

    def run(*arguments, stdin="", **more):
        return subprocess.run(
            [sys.executable, "manage.py", "ems", *arguments],
            cwd=ROOT,
            env=environment | more,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return run


def test_a_script_reads_json_and_the_status(start):
    answer = start("-c", "Get-Command Get-Que* | select Name", "--json")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout) == [{"Name": "Get-Queue"}]


def test_a_mistake_is_one_line_beside_the_output_and_status_1(start):
    answer = start("-c", "Get-Queue -Foo")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("ems: character 11: Get-Queue has no parameter -Foo; ")
    assert len(answer.stderr.splitlines()) == 1


def test_lines_from_a_pipe_run_one_by_one_until_the_first_mistake(start):
    script = "# who is there\nGet-Command Get-Help | ft Name\n\nGet-Foo\nGet-Command Get-Queue | ft Name\n"
    answer = start(stdin=script)

    assert answer.returncode == 1
    assert "Get-Help" in answer.stdout
    assert "Get-Queue" not in answer.stdout
    assert answer.stderr.startswith("ems: line 4, character 1: there is no cmdlet Get-Foo")


def test_no_colour_goes_into_a_pipe(start):
    assert "\x1b" not in start("-c", "Get-Command").stdout


def test_text_that_the_locale_cannot_show_is_escaped(start):
    answer = start(
        "-c",
        "Get-TransportService 'Größe*' | ft; Get-Help Get-Queue",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )

    assert answer.returncode == 0, answer.stderr
    assert r"\u2026" in answer.stdout


def test_a_database_that_is_not_there_is_one_line(start, tmp_path):
    answer = start("-c", "Get-Queue", ADMINCENTER_DATA_DIR=str(tmp_path))

    assert answer.returncode == 1
    assert answer.stderr.startswith("ems: the database did not do it: no such table")
    assert len(answer.stderr.splitlines()) == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(environment):
    command = f"{sys.executable} manage.py ems -c 'Get-Command | fl;{'Get-Command | fl;' * 60}' | head -n 1"
    answer = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert answer.stdout.startswith("Name")
    assert answer.stderr == ""


def test_what_was_done_is_logged_with_who_did_it(start, data):
    start("-c", "New-SendConnector Logged -AddressSpaces logged.example -Password hunter2")
    start("-c", "Set-TransportService E15MB1 -InternalDNSServers 192.0.2.53")
    log = (data / "shell.log").read_text()

    assert (data / "shell.log").stat().st_mode & 0o777 == 0o600
    assert re.search(r"connector_created actor=shell:\w+ connector=Logged connector_id=\d+ version=1", log)
    assert re.search(
        r"server_settings_changed actor=shell:\w+ fields=\['internal_dns_servers'\] server=E15MB1", log
    )
    assert "hunter2" not in log


class Terminal:
    """A person at a terminal."""

    def __init__(self, environment, *arguments):
        self.seen = ""
        self.pid, self._line = pty.fork()
        termios.tcsetwinsize(self.pid and self._line, ROWS_AND_COLUMNS)
        if self.pid == 0:
            os.chdir(ROOT)
            command = [sys.executable, "manage.py", "ems", *arguments]
            os.execve(command[0], command, environment)  # noqa: S606 - a child of its own terminal

    def type(self, text):
        os.write(self._line, text.encode())

    def read_until(self, text):
        """Wait for a text after all that was waited for before; give what came until then."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen!r}"
            if select.select([self._line], [], [], 1)[0]:
                self.seen += self._receive()
        before, _, self.seen = self.seen.partition(text)
        return before

    def _receive(self):
        try:
            received = os.read(self._line, 65536)
        except OSError:  # how Linux says that the other side is closed
            received = b""
        assert received, f"it ended after {self.seen!r}"
        # prompt_toolkit asks where the cursor is before it draws.
        if b"\x1b[6n" in received:
            self.type("\x1b[1;1R")
        return received.decode()

    def end(self):
        """Wait for the end; give the status."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):
                if select.select([self._line], [], [], 0.1)[0]:
                    os.read(self._line, 65536)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                os.close(self._line)
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it did not end")

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._line)


@pytest.fixture
def terminal(environment):
    terminals = []

    def start(*arguments):
        terminals.append(Terminal(environment, *arguments))
        return terminals[-1]

    yield start
    for one in terminals:
        one.kill()


def test_a_conversation_survives_mistakes_and_ctrl_c_and_ends_with_ctrl_d(terminal):
    person = terminal()
    person.read_until(PROMPT)
    person.type("Get-Foo\r")
    person.read_until("ems: character 1: there is no cmdlet Get-Foo")
    person.read_until(PROMPT)
    person.type("half a li\x03")
    person.read_until("Stopped.")
    person.read_until(PROMPT)
    person.type("Get-Command Get-Help | ft Name\r")
    person.read_until("----")
    person.read_until("Get-Help")
    person.read_until(PROMPT)
    person.type("\x04")

    assert person.end() == 0


def test_the_tabulator_completes_cmdlets_and_parameters(terminal):
    person = terminal()
    person.read_until(PROMPT)
    person.type("Get-TransportS\t")
    person.read_until("ervice")
    person.type(" -Ident\t")
    person.read_until("ity")
    person.type(" nobody\r")
    person.read_until("there is no transport server nobody")
    person.read_until(PROMPT)
    person.type("exit\r")

    assert person.end() == 0


def test_the_history_keeps_lines_for_the_next_time_but_none_with_a_secret(terminal, data):
    person = terminal()
    person.read_until(PROMPT)
    person.type("Get-Command Get-Help\r")
    person.read_until("Explains a cmdlet")
    for line in (
        "Set-SendConnector x -Password hunter2",
        "Set-SendConnector x -pass:hunter2",
        "x -P 'hunter2",
    ):
        person.read_until(PROMPT)
        person.type(f"{line}\r")
        person.read_until("ems: ")
    person.read_until(PROMPT)
    person.type("exit\r")
    person.end()
    history = data / "shell_history"

    assert "Get-Command Get-Help" in history.read_text()
    assert "hunter2" not in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600


def test_removal_asks_on_a_terminal_and_only_a_clear_yes_is_one(terminal):
    person = terminal()
    person.read_until(PROMPT)
    person.type("New-SendConnector Asked -AddressSpaces asked.example\r")
    person.read_until("True")
    for answer in ("", "no", "yes please", "y"):
        person.read_until(PROMPT)
        person.type("Remove-SendConnector Asked\r")
        person.read_until("Remove the send connector Asked? [y/N]")
        person.type(f"{answer}\r")
    person.read_until("Send connectors removed: 1.")
    person.read_until(PROMPT)
    person.type("Get-SendConnector Asked\r")

    person.read_until("there is no send connector Asked")


def test_a_credential_is_asked_for_without_an_echo(terminal, start):
    person = terminal(
        "-c",
        "New-SendConnector Secret -AddressSpaces secret.example -SmartHosts r.example.com "
        "-SmartHostAuthMechanism BasicAuth -AuthenticationCredential (Get-Credential)",
    )
    person.read_until("User name: ")
    person.type("relay\r")
    person.read_until("Password: ")
    person.type("hunter2\r")
    shown = person.read_until("True")
    assert person.end() == 0
    (made,) = json.loads(start("-c", "Get-SendConnector Secret", "--json").stdout)

    assert "hunter2" not in shown
    assert made["AuthenticationCredential"] == "relay"
