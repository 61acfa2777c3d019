"""The filter builder: property, operator and value become filter text in the address; no script is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from admincenter.filtering.building import condition_text, joined
from admincenter.filtering.properties import OPERATORS, Property
from admincenter.filtering.syntax import Operator

PLACE = "builder-value"
"""The browser opens the builder again where the address ends with this fragment."""
_WORDS = {
    Operator.EQ: "equals",
    Operator.NE: "differs from",
    Operator.LIKE: "contains",
    Operator.GT: "is greater than",
    Operator.GE: "is at least",
    Operator.LT: "is less than",
    Operator.LE: "is at most",
}
_OWN = ("property", "operator", "value", "add")
_PLACES = ("page", "after", "before")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One property that can be chosen."""

    name: str
    operators: str
    """Those that fit it, with spaces between."""
    values: Sequence[str]
    """All that it can have; empty for anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """What the builder offers."""

    properties: Sequence[Choice]
    operators: Sequence[tuple[str, str]]
    example: str


def offer(properties: Mapping[str, Property], *, example: str) -> Builder:
    """Return what can be chosen for a list with these properties."""
    return Builder(
        properties=[_choice(one) for one in properties.values()],
        operators=[(operator.value, word) for operator, word in _WORDS.items()],
        example=example,
    )


def _choice(one: Property) -> Choice:
    fitting = " ".join(operator for operator in Operator if operator in OPERATORS[one.kind])
    return Choice(name=one.name, operators=fitting, values=one.choices)


def is_used(request: HttpRequest) -> bool:
    """Tell whether a condition is to be added."""
    return "add" in request.GET


def address(request: HttpRequest, properties: Mapping[str, Property]) -> str:
    """Return the address of the list with the condition in its filter, right or wrong: the list judges it."""
    query = request.GET.copy()
    name = query.get("property", "").strip()
    more = condition_text(
        name,
        query.get("operator", Operator.EQ).strip(),
        query.get("value", "").strip(),
        of=properties.get(name.lower()),
    )
    for own in (*_OWN, *_PLACES):
        query.pop(own, None)
    query["filter"] = joined(query.get("filter", ""), more)
    return f"{request.path}?{query.urlencode()}#{PLACE}"
