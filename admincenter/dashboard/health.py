"""How send connectors and transport servers do, in one word and a sentence each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from transport.back_pressure import Level, Resource

PRESSED: dict[str, str] = {
    Resource.DISK: "its disk is nearly full",
    Resource.COMMIT: "its database is slow",
    Resource.QUEUES: "its queues are full",
    Resource.MEMORY: "its memory for incoming mail is used up",
}
"""By resource, what presses it."""


class Grade(IntEnum):
    """How much somebody is needed; the order is the order of the lists."""

    BAD = 0
    WARN = 1
    GOOD = 2
    IDLE = 3

    @property
    def mark(self) -> str:
        """The class of its badge."""
        return "" if self is Grade.IDLE else f"is-{self.name.lower()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The word of the badge, and what stands behind it; `says` may be empty."""

    grade: Grade
    word: str
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorRow:
    """One send connector."""

    pk: int
    name: str
    health: Health
    waiting: int
    """Messages in its queues."""
    trouble: str
    """The last error of its queues in which mail waits; may be empty."""
    trouble_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerRow:
    """One transport server."""

    name: str
    health: Health
    waiting: int
    silent_since: datetime | None
    """Only of one that does not beat."""


def of_connector(
    *, enabled: bool, source_servers: Iterable[str], alive: Collection[str], in_trouble: bool
) -> Health:
    """Say how a send connector does; `alive` are the names of all servers that run."""
    sources = list(source_servers)
    running = [name for name in sources if name in alive]
    says = f"{len(running)} of {len(sources)} source {_plural('server', len(sources))} running"
    if not enabled:
        return Health(grade=Grade.IDLE, word="Disabled", says="carries no mail")
    if not running:
        return Health(grade=Grade.BAD, word="Stopped", says=says)
    if in_trouble:
        return Health(grade=Grade.WARN, word="Trouble", says=says)
    if len(running) < len(sources):
        return Health(grade=Grade.WARN, word="Reduced", says=says)
    return Health(grade=Grade.GOOD, word="Working", says=says)


def of_server(*, alive: bool, draining: bool, redirected: bool, pressed: dict[str, int]) -> Health:
    """Say how a transport server does; `pressed` are the levels of its resources by name."""
    if not alive:
        return Health(grade=Grade.BAD, word="Not running", says="its worker is silent: it sends nothing")
    high = [name for name, level in pressed.items() if level >= Level.HIGH]
    medium = [name for name, level in pressed.items() if level == Level.MEDIUM]
    if high:
        return Health(grade=Grade.BAD, word="Back pressure", says=f"{_reasons(high)}; takes no mail")
    if draining:
        return Health(grade=Grade.WARN, word="Draining", says="takes no new mail and hands over what waits")
    if redirected:
        return Health(grade=Grade.WARN, word="Redirecting", says="its mail goes to another server")
    if medium:
        return Health(
            grade=Grade.WARN, word="Back pressure", says=f"{_reasons(medium)}; strangers are refused"
        )
    return Health(grade=Grade.GOOD, word="Working")


def _reasons(resources: Iterable[str]) -> str:
    return ", ".join(PRESSED.get(name, name) for name in resources)


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
