"""Back pressure: when a server takes no more mail, as it could not keep what it takes (exchange.md 10.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

MIB = 1024 * 1024
RESERVE_BYTES = 500 * MIB
"""What Exchange keeps free on the disk of the queue database."""
MOST_RESERVED_PART = 10
"""Of a small disk no more than a tenth is kept free."""
DISK_STEP = 2
"""Percentage points between the levels of a disk."""


class Level(IntEnum):
    """How hard a resource is pressed."""

    NORMAL = 0
    MEDIUM = 1
    """Strangers, Pickup, Replay and HTTP are refused."""
    HIGH = 2
    """All are refused."""


class Resource(StrEnum):
    """What a server watches."""

    DISK = "UsedDiskSpace"
    """Percent of the file system that holds the database or, where that is elsewhere, the data directory."""
    COMMIT = "CommitLatency"
    """Seconds that the slowest commit of accepted mail took since the last look."""
    QUEUES = "QueueLength"
    """Messages in all queues of the server."""
    MEMORY = "BufferedMessages"
    """Percent of the memory that the listener has for messages on their way in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Where the levels begin; `normal` is where the pressure is over."""

    normal: float
    medium: float
    high: float


MEMORY = Thresholds(normal=80, medium=90, high=100)
COMMIT = Thresholds(normal=1, medium=2, high=5)
"""Seconds. A disk in good health commits in hundredths of one."""
UNLIMITED = 2**53
"""More messages than any server can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one look at a resource gave."""

    resource: Resource
    value: float
    thresholds: Thresholds


def disk_thresholds(size_bytes: int) -> Thresholds:
    """Percent used at which the levels of a disk of this size begin; Exchange's formula.

    Unlike Exchange's, the reserve of a small disk is a tenth of it: else it could never take anything.
    """
    reserve_bytes = min(RESERVE_BYTES, size_bytes // MOST_RESERVED_PART)
    high = 100 * (size_bytes - reserve_bytes) / size_bytes
    return Thresholds(normal=high - 2 * DISK_STEP, medium=high - DISK_STEP, high=high)


def queue_thresholds(most: int | None) -> Thresholds:
    """Messages in queues at which the levels begin when `most` is the limit; None: there is none."""
    most = most or UNLIMITED
    return Thresholds(normal=most * 0.8, medium=most * 0.9, high=most)


def next_level(level: Level, *, reading: Reading) -> Level:
    """The level after this reading: it rises at a threshold, and falls below the one beneath (hysteresis)."""
    at = reading.thresholds
    if reading.value >= at.high or (level is Level.HIGH and reading.value >= at.medium):
        return Level.HIGH
    if reading.value >= at.medium or (level is not Level.NORMAL and reading.value >= at.normal):
        return Level.MEDIUM
    return Level.NORMAL


class Watch:
    """One resource over time; `patience`: how many readings in a row must say the same before it counts."""

    def __init__(self, *, patience: int = 1) -> None:
        self.level = Level.NORMAL
        self._patience = patience
        self._differing = 0

    def judge(self, reading: Reading) -> Level:
        """Take a reading in; returns the level that holds from now on."""
        wanted = next_level(self.level, reading=reading)
        self._differing = self._differing + 1 if wanted is not self.level else 0
        if self._differing >= self._patience:
            self.level = wanted
            self._differing = 0
        return self.level


class Pressure:
    """The level of a server as its doors see it: one thread writes, all others read."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = Level.NORMAL

    def refuses(self, *, insider: Callable[[], bool]) -> bool:
        """Whether no message is taken now; insiders have logged in or come from a network that may relay."""
        return self.level is Level.HIGH or (self.level is Level.MEDIUM and not insider())
