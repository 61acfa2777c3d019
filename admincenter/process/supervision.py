"""Keeps the programs of one server running, and stops them in order. Linux only; knows no Django.

Written here because the process managers at hand fall short: honcho ends everything when one program ends;
supervisor needs 1.0 s to see that a program died (measured), lets its back-off grow without end, and leaves
the children of a killed program, and its own when it is killed itself, behind.
"""

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

logger = logging.getLogger(__name__)

FIRST_DELAY = timedelta(milliseconds=250)
LONGEST_DELAY = timedelta(seconds=30)
HEALTHY_AFTER = timedelta(seconds=10)
"""A program that ran for so long starts again at once."""
IDLE = 60.0
"""Seconds between two looks when nothing happens; every event wakes the loop."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One program to keep running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    grace: timedelta = timedelta(seconds=10)
    """How long it may take to end after SIGTERM."""
    orphan_signal: signal.Signals = signal.SIGTERM
    """What the kernel sends it when we die without stopping it."""


@dataclass(kw_only=True, slots=True)
class _Watched:
    """One program and what became of it."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    """Deaths in a row before it was healthy."""


def restart_delay(failures: int) -> timedelta:
    """How long to wait after this many early deaths in a row: doubling, bounded, never for ever."""
    if failures <= 0:
        return timedelta()
    doublings = min(failures - 1, 20)
    return min(LONGEST_DELAY, FIRST_DELAY * (1 << doublings))


def supervise(programs: Sequence[Program]) -> None:
    """Run the programs, started from the first to the last, until SIGTERM, SIGINT or SIGHUP; then stop them.

    The stop goes from the last to the first, and each has its `grace`; a second SIGINT ends the patience.
    Must be called in a process with one thread.
    """
    with _held_back_signals() as stops:
        supervisor = _Supervisor(programs, stops=stops)
        try:
            supervisor.keep_running()
        finally:
            supervisor.stop()


@contextmanager
def _held_back_signals() -> Iterator[frozenset[signal.Signals]]:
    """Block the signals that the loop waits for; yields those that mean stop.

    What our caller ignores (nohup ignores SIGHUP) does not stop us either.
    """
    candidates = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    stops = frozenset(one for one in candidates if signal.getsignal(one) is not signal.SIG_IGN)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *stops})
    try:
        yield stops
    finally:
        # Let in now, a second request to stop would end us with its own exit status.
        while signal.sigtimedwait(stops, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Supervisor:
    """The loop: it sleeps until a child dies, a start is due or somebody asks to stop."""

    def __init__(self, programs: Sequence[Program], *, stops: frozenset[signal.Signals]) -> None:
        self._watched = [_Watched(program=program) for program in programs]
        self._stops = stops
        self._stopping = False

    def keep_running(self) -> None:
        """Start everything, and whatever dies again, until a stop signal comes."""
        while True:
            for one in self._watched:
                if one.process is None and one.due_at <= time.monotonic():
                    self._start(one)
            event = signal.sigtimedwait({signal.SIGCHLD, *self._stops}, self._until_next_start())
            if event is not None and event.si_signo in self._stops:
                logger.info("stopping", extra={"signal": signal.Signals(event.si_signo).name})
                return
            self._reap()

    def stop(self) -> None:
        """End the programs one after the other, the last one first."""
        self._stopping = True
        for one in reversed(self._watched):
            if one.process is not None:
                self._end(one, one.process)

    def _start(self, one: _Watched) -> None:
        one.started_at = time.monotonic()
        try:
            one.process = _spawn(one.program)
        except OSError as error:
            self._plan_restart(one, f"cannot be started: {error}")
        else:
            facts = {"program": one.program.name, "process_id": one.process.pid}
            logger.info("program_started", extra=facts)

    def _until_next_start(self) -> float:
        due = [one.due_at for one in self._watched if one.process is None]
        return max(0.0, min(due) - time.monotonic()) if due else IDLE

    def _reap(self) -> None:
        """Note every death there was; orphans that were handed to us (we may be process 1) are buried too."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                for one in self._watched:
                    if one.process is not None and one.process.pid == pid:
                        self._note_death(one, one.process, os.waitstatus_to_exitcode(status))

    def _note_death(self, one: _Watched, process: subprocess.Popen[bytes], exit_code: int) -> None:
        process.returncode = exit_code
        one.process = None
        _kill_group(process.pid)
        if self._stopping:
            facts = {"program": one.program.name, "reason": _describe(exit_code)}
            logger.info("program_ended", extra=facts)
        else:
            self._plan_restart(one, _describe(exit_code))

    def _plan_restart(self, one: _Watched, reason: str) -> None:
        lived = timedelta(seconds=time.monotonic() - one.started_at)
        one.failures = 0 if lived >= HEALTHY_AFTER else one.failures + 1
        delay = restart_delay(one.failures).total_seconds()
        one.due_at = time.monotonic() + delay
        facts = {"program": one.program.name, "reason": reason, "delay_s": round(delay, 2)}
        logger.warning("program_starts_again", extra=facts)

    def _end(self, one: _Watched, process: subprocess.Popen[bytes]) -> None:
        """Ask one program to end; kill it when its grace is over or at a second SIGINT."""
        deadline = time.monotonic() + one.program.grace.total_seconds()
        os.kill(process.pid, signal.SIGTERM)
        while one.process is process:
            patience = deadline - time.monotonic()
            event = signal.sigtimedwait({signal.SIGCHLD, *self._stops}, max(0.0, patience))
            if patience <= 0 or (event is not None and event.si_signo == signal.SIGINT):
                logger.warning("program_killed", extra={"program": one.program.name})
                _kill_group(process.pid)
                deadline = time.monotonic() + IDLE
            self._reap()


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C in the terminal reaches us alone."""
    parent = os.getpid()

    def tie_to_parent() -> None:
        """Run in the child: die when the supervisor dies, and hear every signal again."""
        _libc.prctl(_PR_SET_PDEATHSIG, int(program.orphan_signal))
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())

    return subprocess.Popen(  # noqa: S603 - the commands are ours
        program.command,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **program.environment},
        start_new_session=True,
        preexec_fn=tie_to_parent,  # noqa: PLW1509 - there is only one thread, see supervise
    )


def _kill_group(leader: int) -> None:
    """End a program's process group; a dead leader's children may still hold its port."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _describe(exit_code: int) -> str:
    if exit_code < 0:
        return f"was ended by signal {-exit_code} ({signal.strsignal(-exit_code)})"
    return f"ended with status {exit_code}"
