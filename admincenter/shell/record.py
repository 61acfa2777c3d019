"""The shell's own log: who did what, in a file, so that a person reads output alone."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5_000_000
FIELDS = ("actor", "server", "fields", "with_ndr", "count", "ids")
"""What operations add to a record, in the order of the line."""


def log_to_file(path: Path) -> None:
    """Send the log of this process to a file for its owner alone; about 10 MB of it are kept."""
    path.touch(mode=0o600)
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(FieldFormatter("{asctime} {levelname} {name} {message}", style="{"))
    logging.getLogger().handlers = [handler]


class FieldFormatter(logging.Formatter):
    """Adds the fields of a record to its line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Give the line."""
        fields = [f"{name}={vars(record)[name]!r}" for name in FIELDS if name in vars(record)]
        return " ".join([super().formatMessage(record), *fields])
