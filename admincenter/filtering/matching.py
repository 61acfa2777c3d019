"""A checked filter applied to values in memory."""

from collections.abc import Callable
from datetime import datetime

from admincenter.filtering.properties import All, AnyOf, Checked, Comparison, Not
from admincenter.filtering.syntax import Operator
from admincenter.filtering.wildcards import matches


def holds(checked: Checked, value_of: Callable[[str], object]) -> bool:
    """Tell whether the filter holds for what `value_of(property name)` gives."""
    match checked:
        case All(parts):
            return all(holds(part, value_of) for part in parts)
        case AnyOf(parts):
            return any(holds(part, value_of) for part in parts)
        case Not(part):
            return not holds(part, value_of)
        case Comparison():
            value = value_of(checked.of.name)
            if isinstance(value, tuple):
                return _any_item(checked, value)
            return _compare(value, checked)


def _any_item(one: Comparison, items: tuple[object, ...]) -> bool:
    """A list fits when one of its items does; it differs from a value that it does not hold."""
    if one.operator is Operator.NE:
        return all(_compare(item, one) for item in items)
    return any(_compare(item, one) for item in items)


def _compare(value: object, one: Comparison) -> bool:
    wanted = one.value
    if wanted is None or value is None:
        empty = value in {None, ""}
        return (one.operator is Operator.EQ) == empty if wanted is None else one.operator is Operator.NE
    if isinstance(wanted, str):
        return _compare_text(str(value), wanted, one.operator)
    if isinstance(wanted, datetime):
        value, wanted = _seconds(value), wanted.timestamp()
    return isinstance(value, int | float) and _compare_order(value, wanted, one.operator)


def _seconds(value: object) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else None


def _compare_text(value: str, wanted: str, operator: Operator) -> bool:
    if operator is Operator.LIKE:
        return matches(value, wanted)
    return (value.lower() == wanted.lower()) == (operator is Operator.EQ)


def _compare_order(value: float, wanted: float, operator: Operator) -> bool:
    return {
        Operator.EQ: value == wanted,
        Operator.NE: value != wanted,
        Operator.GT: value > wanted,
        Operator.GE: value >= wanted,
        Operator.LT: value < wanted,
        Operator.LE: value <= wanted,
    }[operator]
