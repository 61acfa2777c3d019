"""What a transport server logs, and how much of it is kept for how long (exchange.md 9)."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath

MB, TB = 2**20, 2**40
DAY = timedelta(days=1)
_AGES = (timedelta(0), 24_855 * DAY)
_SIZES = (1 * MB, 1024 * TB)
INTERVAL_RANGES = {
    "message_tracking_log_max_age": _AGES,
    "send_protocol_log_max_age": _AGES,
    "receive_protocol_log_max_age": _AGES,
}
RANGES = {
    "message_tracking_log_max_directory_bytes": _SIZES,
    "send_protocol_log_max_directory_bytes": _SIZES,
    "send_protocol_log_max_file_bytes": _SIZES,
    "receive_protocol_log_max_directory_bytes": _SIZES,
    "receive_protocol_log_max_file_bytes": _SIZES,
}
"""What Set-TransportService accepts; each may also be None: unlimited."""
PATHS = ("send_protocol_log_path", "receive_protocol_log_path")
MAX_PATH_CHARACTERS = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """The log settings of one transport server, named as the parameters of Set-TransportService.

    An age of zero keeps everything, however old. Raises ValueError when a value is outside its range.
    """

    message_tracking_log_enabled: bool = True
    message_tracking_log_subject_logging_enabled: bool = True
    message_tracking_log_max_age: timedelta = 30 * DAY
    message_tracking_log_max_directory_bytes: int | None = 1000 * MB
    """What the events of the server may take up; Exchange keeps them in a directory, we in the database."""
    send_protocol_log_path: str = ""
    """An absolute path; empty means the folder in the data directory."""
    send_protocol_log_max_age: timedelta = 30 * DAY
    send_protocol_log_max_directory_bytes: int | None = 250 * MB
    send_protocol_log_max_file_bytes: int | None = 10 * MB
    receive_protocol_log_path: str = ""
    receive_protocol_log_max_age: timedelta = 30 * DAY
    receive_protocol_log_max_directory_bytes: int | None = 250 * MB
    receive_protocol_log_max_file_bytes: int | None = 10 * MB

    def __post_init__(self) -> None:
        for name, (youngest, oldest) in INTERVAL_RANGES.items():
            if not youngest <= getattr(self, name) <= oldest:
                raise ValueError(f"{name}: {getattr(self, name)} is not between {youngest} and {oldest}.")
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise ValueError(f"{name}: {value} is not between {lowest} and {highest}.")
        for name in PATHS:
            _verify_path(getattr(self, name))


def _verify_path(path: str) -> None:
    if not path:
        return
    if len(path) > MAX_PATH_CHARACTERS or not path.isprintable() or not PurePath(path).is_absolute():
        raise ValueError(f"{path!r} is not an absolute path of at most {MAX_PATH_CHARACTERS} characters.")
