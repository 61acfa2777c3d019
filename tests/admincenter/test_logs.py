"""What the log lines hold, and what they never hold."""

import ast
import json
import logging
import logging.config
import re
import secrets
import sys
from pathlib import Path

import pytest
from django.conf import settings

from admincenter import logs

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "250 ok\r\n2026-01-01 [info] all is well\x1b[2J\x00\u202e\x9b31m\ud800"
FORMATS = {"console": logs.line_formatter, "json": logs.json_formatter}


def printed(message: str, *, form: str = "console", **facts) -> str:
    """A record as the console shows it."""
    return FORMATS[form]().format(logging.makeLogRecord({"msg": message, "levelname": "ERROR", **facts}))


def failed(text: str):
    """The facts of an error that was caught."""
    error = ValueError(text)
    return ValueError, error, error.__traceback__


def test_a_traceback_shows_no_values_of_variables():
    password = secrets.token_hex(8)  # short: a box of values would break a longer one into lines
    try:
        int(len(password) * "x")
    except ValueError:
        line = printed("smart_host_refused", exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in line
    assert 'int(len(password) * "x")' in line
    assert password not in line


@pytest.mark.parametrize("form", FORMATS)
def test_a_fact_from_outside_cannot_begin_a_line_of_its_own(form):
    line = printed("reply_received", form=form, text="250 ok\r\n2026-01-01 [info] all is well")
    assert "all is well" in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"text": HOSTILE},
        {"raw": HOSTILE.encode("utf-8", "surrogatepass")},
        {"texts": [HOSTILE, {HOSTILE: HOSTILE}]},
        {HOSTILE: "name of a field"},
        {"error": ValueError(HOSTILE)},
        {"exc_info": failed(HOSTILE)},
        {"msg": HOSTILE},
        {"msg": "%s", "args": (HOSTILE,)},
    ],
)
def test_one_event_is_one_json_line_of_printable_ascii(facts):
    line = printed(**{"message": "event"} | facts, form="json") if "msg" not in facts else made(facts)

    assert re.fullmatch(r"[ -~]+", line)
    assert "\\u001b" not in line
    assert "\\u0000" not in line
    said = json.loads(line)
    assert list(said)[:3] == ["timestamp", "level", "event"]
    assert "all is well" in json.dumps(said)


def made(facts) -> str:
    return logs.json_formatter().format(logging.makeLogRecord({"levelname": "ERROR", **facts}))


@pytest.mark.parametrize(
    "facts", [{"text": HOSTILE}, {HOSTILE: 1}, {"error": OSError(HOSTILE)}, {"exc_info": failed(HOSTILE)}]
)
def test_a_console_line_holds_nothing_that_does_not_print(facts):
    line = printed("event", **facts)

    assert line.replace("\n", "").isprintable()
    if "exc_info" not in facts:
        assert "\n" not in line


def test_a_json_line_keeps_numbers_lists_and_the_name_of_the_logger():
    line = printed("messages_removed", form="json", message_ids=[1, 2], with_ndr=True, name="transport.x")

    said = json.loads(line)
    assert (said["event"], said["level"], said["logger"]) == ("messages_removed", "error", "transport.x")
    assert (said["message_ids"], said["with_ndr"]) == ([1, 2], True)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_named_like_a_secret_is_hidden(form):
    facts = {
        "password": "CANARY-7f3a",
        "headers": {"Authorization": "CANARY-7f3a"},
        "api_token": "CANARY-7f3a",
    }
    line = printed("event", form=form, **facts)

    assert "CANARY" not in line
    assert "*****" in line


@pytest.mark.parametrize("form", FORMATS)
def test_a_line_is_bounded_however_much_it_is_given(form):
    assert len(printed("event", form=form, text="x" * 10**6, items=["y" * 10] * 10**5)) < 10_000


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


# The calls in the tree

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
TAKEN = {"event", "level", "timestamp", "logger", "exception", *vars(logging.makeLogRecord({}))}


def modules():
    for package in ("admincenter", "connectors", "transport"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls():
    """(place, call) for every call of a logger."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "logger"
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def event_of(call):
    return call.args[1 if call.func.attr == "log" else 0]


def test_every_line_has_a_static_event_and_fields_instead_of_a_sentence():
    wrong = []
    for place, call in calls():
        event = event_of(call)
        formatted = len(call.args) > (2 if call.func.attr == "log" else 1)
        # A name stands for one of a few events that the caller writes out: `Deed(event="queues_retried", …)`.
        literal = isinstance(event, ast.Constant) and re.fullmatch(r"[a-z0-9_]+", str(event.value))
        if formatted or not (literal or isinstance(event, ast.Name | ast.IfExp)):
            wrong.append(place)

    assert wrong == []


def test_no_field_has_a_name_that_is_taken():
    wrong = [
        f"{place}: {key.value}"
        for place, call in calls()
        for keyword in call.keywords
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant) and key.value in TAKEN
    ]

    assert wrong == []


def events():
    """Every event in the tree: those of the calls, and those handed to a `_log` of the module."""
    found = set()
    for _, call in calls():
        found |= texts(event_of(call))
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) == "_log" and node.args:
                found |= texts(node.args[0])
            elif isinstance(node, ast.keyword | ast.Assign) and "event" in names_given(node):
                found |= texts(node.value)
    return {text for text in found if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|stopping", text)}


def names_given(node):
    return [node.arg] if isinstance(node, ast.keyword) else [name_of(target) for target in node.targets]


def name_of(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def texts(node):
    constants = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def test_every_event_is_documented_and_no_other():
    table = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", table, re.MULTILINE)

    assert {"missing": events() - set(rows), "surplus": set(rows) - events()} == {
        "missing": set(),
        "surplus": set(),
    }
