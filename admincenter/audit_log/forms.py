"""What entries of the audit log are looked for by; it is kept in the address."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from connectors.errors import shown
from connectors.models import AuditSearch

_TEXT_LIMIT = 200
_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)
_DATE = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input"})
_TEXT = forms.TextInput(
    attrs={"type": "search", "class": "input", "autocomplete": "off", "spellcheck": "false"}
)


class DayField(forms.DateField):
    """A day that the browser's own picker writes."""

    def __init__(self, *, label: str) -> None:
        """Empty means any day."""
        super().__init__(label=label, required=False, widget=_DATE, input_formats=["%Y-%m-%d"])

    def to_python(self, value: Any) -> date | None:
        """Return the day. Raises ValidationError with the field, the value and the rule."""
        try:
            day: date | None = super().to_python(value)
        except ValidationError:
            raise ValidationError(
                f"{self.label}: “{shown(value)}” is no date; write it as 2026-11-23."
            ) from None
        if day and not _FIRST <= day <= _LAST:
            raise ValidationError(f"{self.label}: {day} is out of range.")
        return day


class SearchForm(forms.Form):
    """Days, user, cmdlet and object; an empty field narrows nothing."""

    use_required_attribute = False
    start = DayField(label="From")
    end = DayField(label="To")
    user = forms.CharField(label="User", required=False, max_length=_TEXT_LIMIT, widget=_TEXT)
    cmdlet = forms.CharField(label="Cmdlet", required=False, max_length=_TEXT_LIMIT, widget=_TEXT)
    object = forms.CharField(label="Object", required=False, max_length=_TEXT_LIMIT, widget=_TEXT)

    def __init__(self, data: Any) -> None:
        """Take the address's parameters."""
        super().__init__(data)
        for field in self.fields.values():
            rule = f"{field.label}: at most %(limit_value)d characters, not %(show_value)d."
            field.error_messages["max_length"] = rule

    def clean(self) -> dict[str, Any]:
        """Refuse days that are the wrong way round."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end < start:
            self.add_error("end", f"To: {end} is before {start}, the first day.")
        return self.cleaned_data

    @property
    def narrows(self) -> bool:
        """Whether anything is looked for."""
        return any(self.cleaned_data.values())

    def wanted(self) -> AuditSearch:
        """Give the search of the valid form; the last day is meant whole."""
        said = self.cleaned_data
        return AuditSearch(
            start=_begin(said["start"]),
            end=_begin(said["end"] and said["end"] + timedelta(days=1)),
            users=_texts(said["user"]),
            cmdlets=_texts(said["cmdlet"]),
            objects=_texts(said["object"]),
        )


def _begin(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _texts(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
