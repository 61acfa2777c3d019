"""A receiving server that does harm at a moment of its choice, and the account of what it got."""

import contextlib
import fcntl
import os
import signal
import smtplib  # noqa: TID251 - a client of the listener, with nothing of ours in it
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.flows.conftest import ems
from tests.support.program import Program
from tests.support.smtp_peer import Peer, Talk
from tests.support.waiting import wait_until

CONTENT = "Subject: {number}\r\n\r\n{text}\r\n"


def stop_between_transactions(program: Program) -> int:
    """SIGSTOP the worker at a moment when it neither holds the database nor stands at its door."""
    while True:
        pid = program.kill("worker", signal.SIGSTOP)
        if all(_is_free(program.data_dir / f"admincenter.sqlite3-{name}") for name in ("door", "turn")):
            return pid
        os.kill(pid, signal.SIGCONT)


def _is_free(lock: Path) -> bool:
    with lock.open("a") as file, contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def subjects(peer: Peer) -> Counter[str]:
    """How many whole copies of each message a peer got."""
    contents = [content for content in peer.contents if content]
    return Counter(content.split(b"Subject: ", 1)[1].split(b"\r\n", 1)[0].decode() for content in contents)


class Story:
    """Mail of one domain through the program to one scripted peer."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.domain = f"{name}.test"
        self.peer = Peer()
        self.peer.__enter__()
        self.open_at_kill = 0
        self.accepted = 0
        ems(
            program,
            f"New-SendConnector -Name {name} -AddressSpaces {self.domain} -DNSRoutingEnabled $false"
            f" -SmartHosts 127.0.0.1 -Port {self.peer.port}",
        )

    def end(self) -> None:
        """Stop listening."""
        self.peer.__exit__(None, None, None)

    def let(self, moment: str, harm: Callable[[Talk], None], *, after: int) -> None:
        """Do harm once, when this moment has come `after` times before; the peer behaves well else."""
        good = "354 go on" if moment == "DATA" else "250 2.0.0 ok"
        self.peer.script[moment] = [*[good] * after, harm, good]

    def hand_in(self, messages: int, *, text: str = "Hello.") -> None:
        """Numbered messages, each with its own recipient, over one connection."""
        with smtplib.SMTP(*self.program.smtp, timeout=60) as client:
            for number in range(self.accepted, self.accepted + messages):
                content = CONTENT.format(number=number, text=text)
                client.sendmail("anna@contoso.test", [f"{number}@{self.domain}"], content)
        self.accepted += messages

    def hand_in_at_once(self, messages: int, **fields: str) -> None:
        """So that one session finds all of them waiting: the worker stands still meanwhile."""
        stopped = stop_between_transactions(self.program)
        self.hand_in(messages, **fields)
        os.kill(stopped, signal.SIGCONT)

    def kill_worker(self, talk: Talk) -> None:
        """End the worker as the kernel would; the peer notes how many sessions it had then."""
        self.open_at_kill = sum(not one.over for one in self.peer.talks)
        os.kill(self.program.pids["worker"], signal.SIGKILL)
        # Whatever it still had on the way is heard, and nothing is answered.
        talk.hang_up_when_told()

    def copies(self) -> Counter[int]:
        """How many whole copies of each message came."""
        return Counter({int(subject): count for subject, count in subjects(self.peer).items()})

    def doubled(self) -> int:
        """How many copies were too many."""
        return self.copies().total() - len(self.copies())

    def wait_arrived(self, *, seconds: float = 60) -> None:
        """Wait until every message came, and none waits any more."""
        expected = set(range(self.accepted))
        wait_until(lambda: expected <= set(self.copies()), what="every message arrived", seconds=seconds)
