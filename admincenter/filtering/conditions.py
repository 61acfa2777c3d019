"""A checked filter as a condition for the database, and a sort order as its columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.utils import timezone

import admincenter.filtering.wildcards  # noqa: F401 - registers the lookup
from admincenter.filtering.properties import All, AnyOf, Checked, Comparison, Kind, Not, Property, check, find
from admincenter.filtering.syntax import FilterError, Operator, parse

MAX_KEYS = 8
_LOOKUPS = {
    Operator.GT: "gt",
    Operator.GE: "gte",
    Operator.LT: "lt",
    Operator.LE: "lte",
    Operator.LIKE: "wildcard",
}


def compile_filter(text: str, properties: Mapping[str, Property]) -> Q:
    """Turn filter text into a condition over the listing that `properties` describes. Raises FilterError."""
    return to_condition(check(parse(text), properties, zone=timezone.get_current_timezone()))


def to_condition(checked: Checked) -> Q:
    """Turn a checked filter into a condition. Raises FilterError for a value that no row can have."""
    match checked:
        case All(parts):
            return reduce(and_, (to_condition(part) for part in parts))
        case AnyOf(parts):
            return reduce(or_, (to_condition(part) for part in parts))
        case Not(part):
            return ~to_condition(part)
        case Comparison():
            return _comparison(checked)


def _comparison(one: Comparison) -> Q:
    if one.of.condition is not None:
        try:
            made: Q = one.of.condition(one.operator, one.value)
        except ValueError as error:
            raise FilterError(str(error), position=one.position) from None
        return made
    if one.operator is Operator.NE:
        return ~_equal(one)
    if one.operator is Operator.EQ:
        return _equal(one)
    return Q(**{f"{one.of.column}__{_LOOKUPS[one.operator]}": one.value})


def _equal(one: Comparison) -> Q:
    column = one.of.column
    if one.value is None:
        return Q(**{column: ""}) if one.of.kind is Kind.TEXT else Q(**{f"{column}__isnull": True})
    lookup = "iexact" if one.of.kind is Kind.TEXT and one.value else "exact"
    return Q(**{f"{column}__{lookup}": one.value})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorting:
    """One sort key."""

    of: Property
    descending: bool

    @property
    def columns(self) -> list[OrderBy]:
        """For `order_by`; rows without a value come last."""
        names = self.of.order or (self.of.column,)
        return [OrderBy(F(name), descending=self.descending, nulls_last=True) for name in names]


def parse_order(text: str, properties: Mapping[str, Property]) -> tuple[Sorting, ...]:
    """Read `+Status,-MessageCount`; without a sign it rises. Raises FilterError."""
    keys, position = [], 1
    for word in text.split(","):
        name = word.strip()
        one = find(name.lstrip("+-"), properties, position=position)
        if not one.order and not one.column:
            raise FilterError(f"there is no order by {one.name}", position=position)
        keys.append(Sorting(of=one, descending=name.startswith("-")))
        position += len(word) + 1
    if len(keys) > MAX_KEYS:
        raise FilterError(f"a sort order has at most {MAX_KEYS} properties", position=1)
    return tuple(keys)
