"""The Pickup and the Replay directory of a server, each looked into every five seconds (exchange.md 10.2).

Each has a thread of its own in the listener's process: a disk that hangs holds up nobody else.
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from transport import intervals
from transport.back_pressure import Pressure
from transport.ceilings import Ceilings
from transport.cleaning import clean_text
from transport.drop_files import BadFile, DropDirectory, StillWritten, Taken, Unsafe
from transport.envelope import Envelope
from transport.hand_in import Key, find, hand_in
from transport.models import TransportServer
from transport.receiving import pickup, replay
from transport.receiving.errors import Refused
from transport.receiving.handed_in import Origin
from transport.receiving.limits import Limits

logger = logging.getLogger(__name__)
STOPS_WITHIN = timedelta(seconds=2)
POLL_INTERVAL = timedelta(seconds=5)
"""Fixed, as in Exchange."""
INJECTED_BYTES = 1024 * 1024
"""How much larger than its message a file may be: X-headers of 5000 receivers."""
_SHOWN_CHARACTERS = 200
_LATER = (OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True)
class Kind:
    """What one of the two directories is."""

    name: str
    read: Callable[..., Envelope]
    limits: Callable[[Ceilings], Limits]


def _pickup_limits(ceilings: Ceilings) -> Limits:
    return Limits(
        max_header_bytes=ceilings.pickup_directory_max_header_bytes,
        max_recipients=ceilings.pickup_directory_max_recipients_per_message,
    )


def _replay_limits(_ceilings: Ceilings) -> Limits:
    return Limits(
        max_header_bytes=Limits().max_header_bytes + INJECTED_BYTES, max_recipients=replay.MAX_RECIPIENTS
    )


PICKUP = Kind("Pickup", pickup.read, _pickup_limits)
REPLAY = Kind("Replay", replay.read, _replay_limits)


class Pace:
    """So many a minute, spread over the looks."""

    def __init__(self) -> None:
        self._allowed = 0.0

    def allow(self, per_minute: int) -> int:
        """How many this look may take; call once for each look. What a look leaves is not saved up."""
        share = per_minute * POLL_INTERVAL / timedelta(minutes=1)
        self._allowed = min(self._allowed + share, max(share, 1.0) + self._allowed % 1)
        return int(self._allowed)

    def used(self, count: int) -> None:
        """Count what was taken."""
        self._allowed -= count


class Directory:
    """One of the two, and its thread."""

    def __init__(self, kind: Kind, *, server: TransportServer, pressure: Pressure) -> None:
        self._kind = kind
        self._server = server
        self._pressure = pressure
        self.files = DropDirectory(Path(settings.DATA_DIR) / kind.name)
        self._pace = Pace()
        self._recovered = False
        self._complained = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=kind.name.lower(), daemon=True)

    def start(self) -> None:
        """Look now, then every five seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the file under way, if that is quick."""
        self._stopping.set()
        self._thread.join(STOPS_WITHIN.total_seconds())

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:
                # The directory must not stay unread until somebody restarts the program.
                logger.exception("directory_look_failed", extra={"directory": self._kind.name})
                connection.close()
            self._stopping.wait(POLL_INTERVAL.total_seconds())
        connection.close()

    def look(self) -> int:
        """Take what may be taken now; returns how many messages came in."""
        try:
            self.files.prepare()
            if not self._recovered:
                self._recover()
            return self._take_waiting()
        except (Unsafe, OSError, DatabaseError, InterfaceError) as error:
            self._complain(clean_text(str(error), limit=500))
            connection.close()
            return 0

    def _recover(self) -> None:
        """After a crash: what was stored goes, everything else is a message file again."""
        for taken in self.files.abandoned():
            if find(self._key(taken)) is not None:
                self.files.finish(taken)
            else:
                self.files.put_back(taken)
            self._log("file_recovered", taken.original)
        self._recovered = True

    def _take_waiting(self) -> int:
        if self._pressure.refuses(insider=lambda: False):
            return 0
        ceilings = intervals.ceilings_of(self._server.pk)
        allowed = self._pace.allow(ceilings.pickup_directory_max_messages_per_minute)
        count = 0
        for path in self.files.waiting(now=timezone.now()):
            # What cannot be taken does not count: it must not keep what can from its turn.
            if count >= allowed or self._stopping.is_set():
                break
            count += self._take(path, limits=self._kind.limits(ceilings))
        self._pace.used(count)
        self._complained = ""
        return count

    def _take(self, path: Path, *, limits: Limits) -> bool:
        """Make a message of one file; whether it came in. Raises the errors of a database in trouble."""
        most_bytes = limits.max_message_bytes + INJECTED_BYTES
        try:
            taken = self.files.take(path, most_bytes=most_bytes)
        except BadFile as error:
            self._set_aside(path, reason=str(error))
            return False
        except OSError as error:
            self._log("file_not_taken", path, level=logging.WARNING, reason=str(error.strerror or error))
            return False
        return self._hand_in(taken, limits=replace(limits, max_message_bytes=most_bytes))

    def _hand_in(self, taken: Taken, *, limits: Limits) -> bool:
        try:
            data = self.files.read(taken, most_bytes=limits.max_message_bytes)
            origin = Origin(door=self._kind.name, fqdn=self._server.fqdn, at=timezone.now())
            envelope = self._kind.read(data, limits=limits, origin=origin)
            result = hand_in(envelope, server=self._server, now=origin.at, key=self._key(taken))
        except (StillWritten, OSError):
            self.files.put_back(taken)
            return False
        except _LATER:
            self.files.put_back(taken)
            raise
        except (BadFile, Refused) as error:
            self._set_aside(taken.path, reason=str(error))
            return False
        except Exception:
            # One file must not keep all those behind it from being read.
            logger.exception("file_broke_us", extra={"directory": self._kind.name})
            self._set_aside(
                taken.path, reason="it cannot be handled, and the fault is ours; the log says more"
            )
            return False
        self.files.finish(taken)
        self._log("file_accepted", taken.original, message_id=result.message_id)
        return True

    def _key(self, taken: Taken) -> Key:
        return Key(name=f"{self._kind.name} {self._server.pk} {taken.mark}")

    def _set_aside(self, path: Path, *, reason: str) -> None:
        target = self.files.set_aside(path)
        self._log("file_set_aside", target, level=logging.WARNING, reason=clean_text(reason, limit=500))

    def _log(self, event: str, path: Path, *, level: int = logging.INFO, **facts: object) -> None:
        name = clean_text(os.fsencode(path.name), limit=_SHOWN_CHARACTERS)
        logger.log(level, event, extra={"directory": self._kind.name, "file": name, **facts})

    def _complain(self, reason: str) -> None:
        """Say it once, not every five seconds."""
        if reason != self._complained:
            extra = {"directory": self._kind.name, "path": str(self.files.path), "reason": reason}
            logger.warning("directory_not_read", extra=extra)
        self._complained = reason
