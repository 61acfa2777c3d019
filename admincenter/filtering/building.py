"""Filter text made from choices: one condition, and one more joined to what stands there."""

import re

from admincenter.filtering.properties import Kind, Property
from admincenter.filtering.syntax import FilterError, Operator, Some, parse

_BARE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?(B|KB|MB|GB|TB)?", re.IGNORECASE)


def condition_text(name: str, operator: str, value: str, *, of: Property | None = None) -> str:
    """Write `Status -eq 'Retry'`. A `-like` without a star means "contains", as in Exchange's Queue Viewer.

    `of` is the property where it is known: numbers and sizes stand without quotes.
    """
    if operator == Operator.LIKE and "*" not in value:
        value = f"*{value}*"
    is_bare = of is not None and of.kind in {Kind.NUMBER, Kind.SIZE} and _BARE.fullmatch(value)
    return f"{name} {operator} {value if is_bare else quoted(value)}"


def quoted(value: str) -> str:
    """Put a value in single quotes; those inside it are doubled."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def joined(text: str, more: str) -> str:
    """Join a condition with -and; what is joined with -or gets the parentheses that it needs then."""
    text = text.strip()
    if not text:
        return more
    return f"({text}) -and {more}" if _needs_parentheses(text) else f"{text} -and {more}"


def _needs_parentheses(text: str) -> bool:
    try:
        return isinstance(parse(text), Some)
    except FilterError:
        return False
