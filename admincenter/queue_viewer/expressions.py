"""The filter box: Exchange's filter syntax in a form field, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q

from admincenter.filtering.conditions import compile_filter
from admincenter.filtering.properties import Property
from admincenter.filtering.syntax import MAX_CHARACTERS, FilterError

_MARKED = 40
"""So many characters are shown before and after the place of a mistake."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A filter that was understood."""

    text: str
    condition: Q


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """What is wrong with a filter, and where."""

    rule: str
    position: int
    """From 1."""
    before: str
    at: str
    """The character that is wrong; empty where something is missing at the end."""
    after: str


class ExpressionField(forms.CharField):
    """`Status -eq 'Retry' -and MessageCount -gt 100`, over the properties of one list (exchange.md 4.6)."""

    def __init__(self, properties: Mapping[str, Property], **kwargs: Any) -> None:
        self.properties = properties
        super().__init__(required=False, **kwargs)
        # The language refuses a NUL too, and says where it stands.
        self.validators = []

    def clean(self, value: Any) -> Expression | None:
        """Return the expression, None for no text. Raises ValidationError with the mistake."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return Expression(text, compile_filter(text, self.properties))
        except FilterError as error:
            known = {"sentence": str(error), "mistake": _mistake(error, text=text)}
            raise forms.ValidationError("%(sentence)s", params=known) from None


def _mistake(error: FilterError, *, text: str) -> Mistake:
    place = min(error.position, MAX_CHARACTERS + 1) - 1
    return Mistake(
        rule=error.rule,
        position=error.position,
        before=text[max(0, place - _MARKED) : place],
        at=text[place : place + 1],
        after=text[place + 1 : place + 1 + _MARKED],
    )


def find_mistake(form: forms.Form, name: str) -> Mistake | None:
    """Return what the field of this name refuses."""
    for error in form.errors.as_data().get(name, []):
        found: Mistake | None = (error.params or {}).get("mistake")
        if found is not None:
            return found
    return None
