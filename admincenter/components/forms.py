"""What every form of the console shares: quiet drafts, lists of entries, choices with a sentence each."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, TypeVar

from django import forms
from django.forms.utils import ErrorDict

from connectors.errors import Problem

Value = TypeVar("Value")
ENTRY_LIMIT = 1001
"""Entries that are read: one more than any list may have, so that too many are refused and never cut."""
SENTENCES = 20
"""Wrong entries of one list that are named; a pasted novel has more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One radio button or check box of a choice."""

    value: str
    label: str
    hint: str
    checked: bool
    disabled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One row of a list that is being typed."""

    number: int
    values: tuple[str, ...]
    wrong: bool
    wrong_cost: bool = False


class Section(forms.Form):
    """One page of a wizard, which is also one section of an edit dialog."""

    use_required_attribute = False
    places: Mapping[str, str] = {}
    """Attribute of the spec -> field of this form where its problems are shown."""

    def __init__(self, *args: Any, quiet: bool = False, **kwargs: Any) -> None:
        """`quiet` shows what was typed without judging it: an unfinished page that one comes back to."""
        self.quiet = quiet
        super().__init__(*args, **kwargs)

    def full_clean(self) -> None:
        """Judge, unless quiet."""
        if self.quiet:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
        else:
            super().full_clean()

    def leave_out(self, **empty: object) -> None:
        """Give fields that a choice hides their empty values: an error beside them would never be seen."""
        for name, value in empty.items():
            self.errors.pop(name, None)
            self.cleaned_data[name] = value

    def settings(self) -> Mapping[str, Any]:
        """Return what the valid form says, by attribute of the spec; each form names its own."""
        return self.cleaned_data

    def texts(self, name: str) -> Sequence[str]:
        """Return the entries of a list as they were typed."""
        return [str(value) for value in self[name].value() or []][:ENTRY_LIMIT]

    def options(
        self, name: str, *, hints: Mapping[Any, str], ruled_out: Mapping[Any, str] | None = None
    ) -> Iterator[Option]:
        """Yield the buttons or boxes of a choice; a ruled-out one is disabled, and its hint is the reason."""
        value = self[name].value()
        chosen = {str(one) for one in value} if isinstance(value, list | tuple) else {str(value)}
        choices: Sequence[tuple[str, str]] = self.fields[name].choices  # type: ignore[attr-defined] # a choice field
        for word, label in choices:
            reason = (ruled_out or {}).get(word, "")
            yield Option(
                value=word,
                label=label,
                hint=reason or hints.get(word, ""),
                checked=word in chosen and not reason,
                disabled=bool(reason),
            )


class JudgedField(forms.CharField):
    """One text that a rule judges and turns into its value."""

    def __init__(self, *, judge: Callable[[str], Any], needed: str = "", **kwargs: Any) -> None:
        """`needed` is the sentence for an empty field; without it the field may be empty."""
        self.judge = judge
        kwargs.setdefault("widget", forms.TextInput(attrs={"class": "input"}))
        super().__init__(required=bool(needed), error_messages={"required": needed}, **kwargs)
        # The rules refuse a NUL too, and name the field.
        self.validators = []

    def clean(self, value: Any) -> Any:
        """Return the judged value, or "" for nothing. Raises ValidationError with the rule's sentence."""
        text = super().clean(value)
        return judged(iter([text]), judge=self.judge)[0] if text else ""


class EntriesField(forms.Field):
    """A list of texts: the values of all inputs of one name, each judged, empty ones left out."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, judge: Callable[[str], str], split: bool = False, **kwargs: Any) -> None:
        """`split` takes a pasted "a, b c" as three entries."""
        self.judge = judge
        self.split = split
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> tuple[str, ...]:
        """Return the judged entries. Raises ValidationError with a sentence for each wrong one."""
        return tuple(judged(self._entries(value), judge=self.judge))

    def _entries(self, value: Sequence[str]) -> Iterator[str]:
        for text in value[:ENTRY_LIMIT]:
            yield from text.replace(",", " ").split() if self.split else filter(None, [text.strip()])


class LinesField(forms.CharField):
    """A list of texts in one box, one a line or with commas between; each judged, empty ones left out."""

    def __init__(self, *, judge: Callable[[str], Any], limit: int, rows: int = 3, **kwargs: Any) -> None:
        """`limit`: one entry more than this is read, so that too many are refused and never cut."""
        self.judge = judge
        self.limit = limit
        attributes = {"class": "input", "rows": rows, "spellcheck": "false", "autocomplete": "off"}
        super().__init__(required=False, widget=forms.Textarea(attrs=attributes), **kwargs)
        # The rules refuse a NUL too, and name the entry.
        self.validators = []

    def clean(self, value: Any) -> tuple[Any, ...]:
        """Return the judged entries. Raises ValidationError with a sentence for each wrong one."""
        lines = super().clean(value).replace(",", "\n").splitlines()
        entries = filter(None, map(str.strip, lines))
        return tuple(judged(islice(entries, self.limit + 1), judge=self.judge))


def judged(entries: Iterator[Any], *, judge: Callable[[Any], Value]) -> list[Value]:
    """Apply `judge` to each; raise one ValidationError with the sentence of every one that was refused."""
    good: list[Value] = []
    errors: list[forms.ValidationError] = []
    for entry in entries:
        try:
            good.append(judge(entry))
        except ValueError as error:
            errors.append(forms.ValidationError(str(error)))
    if len(errors) > SENTENCES:
        more = forms.ValidationError(f"{len(errors) - SENTENCES} more are wrong too.")
        errors = [*errors[:SENTENCES], more]
    if errors:
        raise forms.ValidationError(errors)
    return good


def place(found: Iterable[Problem], sections: Collection[Section]) -> list[Problem]:
    """Put each problem beside its field, unless that said something already; return those without a place."""
    homeless = []
    for problem in found:
        home = next((one for one in sections if problem.field in one.places), None)
        if home is None:
            homeless.append(problem)
        elif home.places[problem.field] not in home.errors:
            home.add_error(home.places[problem.field], str(problem))
    return homeless


def side_by_side(*columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Join parallel lists of inputs to rows; a missing cell is empty."""
    return list(zip_longest(*columns, fillvalue=""))


def refuses(judge: Callable[[Any], object], value: object) -> bool:
    """Tell whether a rule refuses a value."""
    try:
        judge(value)
    except ValueError:
        return True
    return False
