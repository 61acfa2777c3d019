"""Name, server, type and the general settings of a receive connector."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from admincenter.components.forms import JudgedField, Option, Section
from connectors import validators
from connectors.receiving import ReceiveUsage

USAGES = {
    ReceiveUsage.CUSTOM: "Nothing is allowed yet: authentication and permission groups are chosen afterwards",
    ReceiveUsage.INTERNAL: "For example, to take mail from your own mail servers, which it trusts",
    ReceiveUsage.INTERNET: "For example, to take mail for your domains from everybody",
    ReceiveUsage.PARTNER: "For example, to take mail from trusted third-party servers under TLS",
    ReceiveUsage.CLIENT: "For example, to take mail from programs that sign in",
}


class NameForm(Section):
    """The name, and the transport server that listens: no two connectors of one server share a name."""

    places = {"name": "name", "server": "server", "source_servers": "server"}

    name = JudgedField(judge=validators.name, needed="Name: it is needed.", label="Name")
    server = forms.ChoiceField(
        label="Server",
        error_messages={
            "required": "Server: choose the transport server that listens.",
            "invalid_choice": "Server %(value)s: no transport server of this name ever registered.",
        },
        widget=forms.Select(attrs={"class": "input"}),
    )

    def __init__(self, *args: Any, servers: Sequence[str], **kwargs: Any) -> None:
        """`servers` registered; the present one of a connector may stay though it is gone."""
        super().__init__(*args, **kwargs)
        own = self.initial.get("server", "")
        unknown = {own: f"{own} (not registered)"} if own and own not in servers else {}
        self.fields["server"].choices = [*unknown.items(), *zip(servers, servers, strict=True)]  # type: ignore[attr-defined] # a choice field
        self.fields["name"].widget.attrs["autocomplete"] = "off"


class UsageForm(Section):
    """The type, which decides what a new connector allows."""

    places = {"usage": "usage"}

    usage = forms.TypedChoiceField(
        label="Type",
        choices=[(usage.value, usage.value) for usage in USAGES],
        coerce=ReceiveUsage,
        initial=ReceiveUsage.CUSTOM.value,
        error_messages={
            "required": "Type: choose one.",
            "invalid_choice": "Type %(value)s: it is none of Custom, Internal, Internet, Partner and Client.",
        },
    )

    def usage_options(self) -> list[Option]:
        """The types, each with an example."""
        return list(self.options("usage", hints=USAGES))


class GeneralForm(Section):
    """Status, comment, logging."""

    places = {"comment": "comment"}

    enabled = forms.BooleanField(
        label="Enable", required=False, help_text="A disabled connector does not listen."
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
        help_text="Verbose records each SMTP dialogue.",
    )


class GreetingForm(Section):
    """How the connector introduces itself."""

    places = {"fqdn": "fqdn", "banner": "banner"}

    fqdn = JudgedField(
        judge=validators.fqdn,
        label="FQDN",
        help_text="The name in the banner, after EHLO and in Received. Empty: the name of the server.",
    )
    banner = JudgedField(
        judge=str,
        label="Banner",
        help_text="The whole greeting, as in 220 mail.contoso.com. Empty: the usual one.",
    )

    def settings(self) -> Mapping[str, Any]:
        """Both, as typed where the rules of the connector judge them."""
        return self.cleaned_data
