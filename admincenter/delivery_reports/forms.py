"""What messages are looked for by; it is kept in the address."""

from datetime import datetime, timedelta
from typing import Any

from django import forms

from transport.tracking import Search

_TEXT_LIMIT = 200
RANGES = {
    "1h": ("Last hour", timedelta(hours=1)),
    "1d": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
DEFAULT_RANGE = "1d"


class SearchForm(forms.Form):
    """Sender, recipient, subject, Message-ID and how far back; an empty field narrows nothing."""

    use_required_attribute = False
    sender = forms.CharField(label="From contains", required=False, max_length=_TEXT_LIMIT)
    recipient = forms.CharField(label="Recipient contains", required=False, max_length=_TEXT_LIMIT)
    subject = forms.CharField(label="Subject contains", required=False, max_length=_TEXT_LIMIT)
    message_id = forms.CharField(label="Internet message ID", required=False, max_length=512)
    since = forms.ChoiceField(
        label="Accepted in",
        required=False,
        choices=[(key, words) for key, (words, _) in RANGES.items()],
    )

    def __init__(self, data: Any) -> None:
        """Take the address's parameters; without a range it is the default one."""
        data = data.copy()
        data.setdefault("since", DEFAULT_RANGE)
        super().__init__(data)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "input"
            if name == "since":
                field.error_messages["invalid_choice"] = "Accepted in: “%(value)s” is none of the ranges."
                continue
            field.error_messages["max_length"] = (
                f"{field.label}: at most %(limit_value)d characters, not %(show_value)d."
            )
            field.widget.attrs |= {"type": "search", "autocomplete": "off"}

    def wanted(self, *, now: datetime) -> Search:
        """The search of the valid form."""
        said = self.cleaned_data
        _, back = RANGES[said["since"] or DEFAULT_RANGE]
        return Search(
            start=now - back,
            sender=_containing(said["sender"]),
            recipients=(_containing(said["recipient"]),) if said["recipient"] else (),
            subject=said["subject"],
            internet_message_id=said["message_id"],
        )


def _containing(text: str) -> str:
    """A pattern of the log; `<>` is the null sender."""
    return text if text in ("", "<>") else f"*{text.strip('*')}*"
