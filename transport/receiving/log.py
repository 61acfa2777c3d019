"""The receive protocol log, as a session sees it."""

from collections.abc import Callable
from typing import Protocol


class Log(Protocol):
    """One session of a protocol log."""

    @property
    def number(self) -> str:
        """The number of the session in all logs."""

    def __call__(self, event: str, text: str, data: str = "", /) -> None:
        """Note an event, one of `+ - > < *`."""

    def close(self) -> None:
        """Write what is held."""


OpenLog = Callable[[str, str], Log]
"""Opens a log for a connection: local and remote endpoint."""
