"""How log lines are made: a static event name and its fields, one event a line, nothing foreign raw.

Our own code logs `logger.info("event_name", extra={"field": value})`; docs/logging.md lists the events. What
comes from outside (addresses, replies, errors of libraries) is made one printable line here, at the gate.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from transport.cleaning import clean_text

LONGEST = 2000
"""Characters of one field."""
MOST = 100
"""Entries of a field that is a list."""
HIDDEN = "*****"
_SECRETS = ("password", "secret", "token", "credential", "private_key", "authorization", "cookie")


def line_formatter() -> logging.Formatter:
    """Make lines for people: time, level, event, fields; a traceback stands below its line."""
    return _formatter(structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0))


def json_formatter() -> logging.Formatter:
    """Make lines for programs: one JSON object each, ASCII only, a traceback in it."""
    return _formatter(structlog.processors.JSONRenderer(), structlog.stdlib.add_logger_name)


def _formatter(renderer: Processor, *more: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            *more,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # As text, and without the values of local variables: there are passwords among them.
            structlog.processors.format_exc_info,
            _harmless,
            renderer,
        ],
    )


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make every field printable and bounded, and leave out what is named like a secret."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event", "logger") if name in event}
    exception = event.pop("exception", None)
    cleaned = {clean_text(str(name), limit=64): _field(str(name), value) for name, value in event.items()}
    lines = {} if exception is None else {"exception": _printable_lines(str(exception))}
    return {name: _harmless_value(value) for name, value in first.items()} | cleaned | lines


def _field(name: str, value: object) -> object:
    return HIDDEN if any(word in name.lower() for word in _SECRETS) else _harmless_value(value)


def _harmless_value(value: Any) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str() | bytes():
            return clean_text(value, limit=LONGEST)
        case Mapping():
            return {
                clean_text(str(name), limit=64): _field(str(name), item)
                for name, item in list(value.items())[:MOST]
            }
        case list() | tuple() | set() | frozenset():
            return [_harmless_value(item) for item in list(value)[:MOST]]
        case datetime():
            return value.isoformat()
        case _:
            return clean_text(str(value), limit=LONGEST)


def _printable_lines(text: str) -> str:
    """Keep the lines of a traceback and their indentation, and nothing else that does not print."""
    return "\n".join(
        "".join(one if one.isprintable() else "\ufffd" for one in line) for line in text.split("\n")
    )


def one_line_for_a_refusal(record: logging.LogRecord) -> bool:
    """Take the traceback off a refused request: whoever can reach us could fill the log with them."""
    status = getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    if record.name.startswith("django.security") or status < HTTPStatus.INTERNAL_SERVER_ERROR:
        record.exc_info = None
    return True
