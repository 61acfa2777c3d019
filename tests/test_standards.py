"""The list of duties and attacks is complete, in order, and names only what is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINES = (ROOT / "docs/standards.md").read_text(encoding="utf-8").splitlines()
ROWS = [line.strip("| ").split(" | ") for line in LINES if re.match(r"\| [AR]\d", line)]
IDS = [*(f"A{number}" for number in range(1, 39)), *(f"R{number}" for number in range(1, 43))]
_PATH = re.compile(r"`([^`]+)`")


def test_every_duty_and_every_attack_has_one_row_in_order():
    assert [row[0] for row in ROWS] == IDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_modules_and_tests_that_are_there(row):
    _, what, modules, tests = row

    assert what
    assert _PATH.findall(modules)
    assert _PATH.findall(tests)
    assert ", ".join(f"`{path}`" for path in _PATH.findall(modules)) == modules
    assert ", ".join(f"`{path}`" for path in _PATH.findall(tests)) == tests
    assert [path for path in _PATH.findall(modules) if not (ROOT / path).exists()] == []
    assert [path for path in _PATH.findall(tests) if not count_tests(ROOT / path)] == []
    assert all(path.startswith("tests/") for path in _PATH.findall(tests))


def count_tests(path: Path) -> int:
    """How many tests a file, or the files of a folder, hold."""
    files = path.rglob("test_*.py") if path.is_dir() else [path] if path.is_file() else []
    return sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )
