"""What the sessions of one worker process share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from transport.attendance import LINGER, Attendance
from transport.concurrency import Limits
from transport.holdings import Ledger
from transport.host_memory import HostMemory
from transport.protocol_log import LogFiles
from transport.queue.claims import Worker
from transport.sign_ins import SignIns
from transport.throttles import Throttles

OPENING = 4
"""Sessions for older mail that open at once: with what they look up and write they keep the process busy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """Made once; the configuration of the process stands in it as functions."""

    ledger: Ledger
    worker: Worker
    limits: Callable[[], Limits]
    """How much may be done at once, as it is set now."""
    own_listeners: tuple[str, ...]
    """`address:port` where this server takes mail in: mail is never sent back there."""
    ring: Callable[[int, int], None]
    """Ask for sessions: a queue id, and how many."""
    protocol_log: LogFiles
    """The send protocol log."""
    open_sessions: set[int]
    """The sessions that really run here: only their leases are renewed."""
    stopping: Callable[[], bool]
    """True once the process wants to end: finish the message in hand, then stop."""
    attendance: Attendance = field(default_factory=Attendance)
    hosts: HostMemory = field(default_factory=HostMemory)
    sign_ins: SignIns = field(default_factory=SignIns)
    throttles: Throttles = field(default_factory=Throttles)
    opening: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(OPENING))
    """Sessions for older mail pass here one after the other: mail that has just come goes past them."""
    linger: float = LINGER.total_seconds()
    """Seconds for which a session that has nothing to send keeps its connection."""

    def call_help(self, queue_id: int, *, sessions: int = 1) -> None:
        """Let more sessions look after a queue: idle ones as far as there are any."""
        while sessions and self.attendance.wake(queue_id):
            sessions -= 1
        if sessions:
            self.ring(queue_id, sessions)
