"""What the log lines hold, and what they never hold."""

import logging
import logging.config
import secrets
import sys

import pytest
from django.conf import settings


def printed(message: str, **facts) -> str:
    """A record as the console shows it."""
    configurator = logging.config.DictConfigurator(settings.LOGGING)
    formatter = configurator.configure_formatter(dict(settings.LOGGING["formatters"]["line"]))
    return formatter.format(logging.makeLogRecord({"msg": message, "levelname": "ERROR", **facts}))


def test_a_traceback_shows_no_values_of_variables():
    password = secrets.token_hex(8)  # short: a box of values would break a longer one into lines
    try:
        int(len(password) * "x")
    except ValueError:
        line = printed("smart_host_refused", exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in line
    assert 'int(len(password) * "x")' in line
    assert password not in line


def test_a_fact_from_outside_cannot_begin_a_line_of_its_own():
    line = printed("reply_received", text="250 ok\r\n2026-01-01 [info] all is well")
    assert "all is well" in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "status", "has_traceback"),
    [
        ("django.security.DisallowedHost", 400, False),
        ("django.request", 400, False),
        ("django.request", 500, True),
        ("transport.delivery", None, True),
    ],
)
def test_only_failures_of_ours_fill_the_log_with_tracebacks(name, status, has_traceback):
    configurator = logging.config.DictConfigurator({})
    names = settings.LOGGING["handlers"]["console"]["filters"]
    filters = [configurator.configure_filter(dict(settings.LOGGING["filters"][name])) for name in names]
    record = logging.makeLogRecord({"name": name, "exc_info": (ValueError, ValueError("x"), None)})
    if status:
        record.status_code = status

    assert all(one.filter(record) for one in filters)

    assert bool(record.exc_info) == has_traceback
