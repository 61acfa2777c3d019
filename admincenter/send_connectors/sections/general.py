"""Name, type and the general settings of a send connector."""

from collections.abc import Mapping
from typing import Any

from django import forms

from admincenter.components.forms import JudgedField, Option, Section
from connectors import validators
from connectors.models import SendConnector
from connectors.specs import Usage, default_max_message_bytes
from connectors.validators import MAX_REASON_CHARACTERS

USAGES = {
    Usage.CUSTOM: "For example, to send mail to other mail servers that are not Exchange",
    Usage.INTERNAL: "For example, to send intranet mail",
    Usage.INTERNET: "For example, to send internet mail",
    Usage.PARTNER: "For example, to route mail to trusted third-party servers",
}


class NameForm(Section):
    """The name, which no other connector has."""

    name = JudgedField(judge=validators.name, needed="Name: it is needed.", label="Name")
    places = {"name": "name"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"


class UsageForm(NameForm):
    """Name and type: the first page of the wizard."""

    places = {"name": "name", "usage": "usage"}

    usage = forms.ChoiceField(
        label="Type",
        choices=[(usage.value, usage.value) for usage in USAGES],
        initial=Usage.CUSTOM.value,
        error_messages={
            "required": "Type: choose one.",
            "invalid_choice": "Type %(value)s: it is none of Custom, Internal, Internet and Partner.",
        },
    )

    def usage_options(self) -> list[Option]:
        """The types, each with an example."""
        return list(self.options("usage", hints=USAGES))

    def clean_name(self) -> str:
        """Refuse the name of a connector that exists, now and not only at the end."""
        name: str = self.cleaned_data["name"]
        if SendConnector.objects.filter(name_key=validators.name_key(name)).exists():
            raise forms.ValidationError(f"Name {name}: another send connector has this name.")
        return name

    def settings(self) -> Mapping[str, Any]:
        """Name, usage, and the size that goes with a usage."""
        usage = Usage(self.cleaned_data["usage"])
        return {
            "name": self.cleaned_data["name"],
            "usage": usage,
            "max_message_bytes": default_max_message_bytes(usage),
        }


class GeneralForm(Section):
    """Status, comment, logging and size."""

    places = {"comment": "comment", "max_message_bytes": "max_message_size"}

    enabled = forms.BooleanField(
        label="Enable", required=False, help_text="A disabled connector carries no mail."
    )
    comment = JudgedField(
        judge=validators.comment,
        label="Comment",
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        strip=False,
    )
    protocol_logging = forms.TypedChoiceField(
        label="Protocol logging level",
        choices=[("None", "None"), ("Verbose", "Verbose")],
        coerce=lambda level: level == "Verbose",
        error_messages={
            "required": "Protocol logging level: choose one.",
            "invalid_choice": "Protocol logging level %(value)s: it is neither None nor Verbose.",
        },
        widget=forms.Select(attrs={"class": "input is-short"}),
    )
    max_message_size = JudgedField(
        judge=lambda text: (validators.parse_size(text),),
        needed="Maximum message size: give a size such as 35 MB, or unlimited.",
        label="Maximum send message size",
        help_text="With KB, MB or GB, or the word unlimited. Larger messages take another connector.",
    )

    def settings(self) -> Mapping[str, Any]:
        """General settings by attribute of the spec."""
        kept = {name: self.cleaned_data[name] for name in ("enabled", "comment", "protocol_logging")}
        return {**kept, "max_message_bytes": self.cleaned_data["max_message_size"][0]}


class ReasonForm(Section):
    """Why the connector is changed: for its history, no setting."""

    places = {"reason": "reason"}

    reason = JudgedField(
        judge=validators.reason,
        label="Reason for this change",
        help_text="Optional; the history of the connector keeps it.",
        widget=forms.TextInput(
            attrs={"class": "input", "autocomplete": "off", "maxlength": MAX_REASON_CHARACTERS}
        ),
    )

    def settings(self) -> Mapping[str, Any]:
        """Nothing: it is told beside the settings."""
        return {}
