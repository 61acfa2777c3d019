"""The shell's own log: who did what, in a file, so that a person reads output alone."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from admincenter.logs import line_formatter

MAX_BYTES = 5_000_000


def log_to_file(path: Path) -> None:
    """Send the log of this process to a file for its owner alone; about 10 MB of it are kept."""
    path.touch(mode=0o600)
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(line_formatter())
    logging.getLogger().handlers = [handler]
