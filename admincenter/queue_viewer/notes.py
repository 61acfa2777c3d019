"""What is asked of a person who suspends something."""

from datetime import datetime, timedelta

from django import forms

from transport.suspensions import MOST_REASON_CHARACTERS, Note

SPANS = {
    "": ("until somebody resumes it", None),
    "1h": ("for an hour", timedelta(hours=1)),
    "4h": ("for four hours", timedelta(hours=4)),
    "1d": ("for a day", timedelta(days=1)),
    "7d": ("for a week", timedelta(days=7)),
}


class NoteForm(forms.Form):
    """Why, and for how long."""

    use_required_attribute = False
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MOST_REASON_CHARACTERS,
        help_text="Others see it beside the suspension.",
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={
            "max_length": f"Reason: at most {MOST_REASON_CHARACTERS} characters, not %(show_value)d."
        },
    )
    span = forms.ChoiceField(
        label="How long",
        required=False,
        choices=[(key, words) for key, (words, _) in SPANS.items()],
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "How long: “%(value)s” is none of the choices."},
    )

    def note(self, *, now: datetime) -> Note:
        """What the valid form says."""
        _, span = SPANS[self.cleaned_data["span"]]
        return Note(reason=self.cleaned_data["reason"], until=now + span if span else None)
