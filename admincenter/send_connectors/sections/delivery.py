"""How a send connector finds the next hop, and how that knows us."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from admincenter.components.forms import EntriesField, Entry, JudgedField, Option, Section, refuses
from connectors import rules, validators
from connectors.errors import InvalidValue
from connectors.profiles import Delivery, SmartHostAuth
from connectors.specs import DEFAULT_PORT, Usage, ruled_out

DELIVERIES = {
    Delivery.MX: "Each recipient domain says in DNS which servers take its mail.",
    Delivery.SMART_HOST: "Everything goes to servers that you name, such as your provider's relay.",
}
AUTHENTICATIONS = {
    SmartHostAuth.NONE: "The smart host knows this server by its address.",
    SmartHostAuth.BASIC: "A user name and a password, the same ones for all smart hosts of this connector.",
    SmartHostAuth.XOAUTH2: "A token that your provider issues to a registered client. Only after TLS.",
    SmartHostAuth.EXTERNAL: "The connection is protected by other means, for example IPsec. Nothing is sent.",
}


class NetworkForm(Section):
    """MX record or smart hosts, and what goes with it."""

    places = {"delivery": "delivery", "smart_hosts": "smart_hosts", "port": "port"}

    delivery = forms.ChoiceField(
        label="How to send mail with this connector",
        choices=[
            (Delivery.MX.value, "MX record associated with recipient domain"),
            (Delivery.SMART_HOST.value, "Route mail through smart hosts"),
        ],
        initial=Delivery.MX.value,
        error_messages={
            "required": "Network settings: choose MX records or smart hosts.",
            "invalid_choice": "Network settings %(value)s: choose MX records or smart hosts.",
        },
    )
    smart_hosts = EntriesField(judge=validators.smart_host, split=True)
    use_external_dns = forms.BooleanField(
        label="Use the external DNS lookup settings on servers with transport roles", required=False
    )
    port = JudgedField(
        judge=validators.port,
        needed=f"Port: give the port, usually {DEFAULT_PORT}.",
        label="Port",
        initial=DEFAULT_PORT,
        widget=forms.TextInput(attrs={"class": "input is-cost", "inputmode": "numeric"}),
        help_text="25 between servers, 587 where a smart host wants a user name. Used for MX records too.",
    )

    def __init__(self, *args: Any, usage: Usage | None = None, **kwargs: Any) -> None:
        """`usage` brings the wizard's limits of this type; the edit dialog has none."""
        self.ruled_out = dict(ruled_out(usage)) if usage else {}
        super().__init__(*args, **kwargs)

    def delivery_options(self) -> list[Option]:
        """The two ways; where a type rules one out, the other one is chosen."""
        options = list(self.options("delivery", hints=DELIVERIES, ruled_out=self.ruled_out))
        left = [option for option in options if not option.disabled]
        return (
            options if len(left) > 1 else [replace(option, checked=not option.disabled) for option in options]
        )

    def full_clean(self) -> None:
        """Judge the smart hosts only where mail goes through them."""
        super().full_clean()
        if self.is_bound and not self.quiet and self.cleaned_data.get("delivery") is Delivery.MX:
            self.leave_out(smart_hosts=())

    def host_rows(self) -> list[Entry]:
        """What is typed, and an empty row where there is nothing."""
        texts = self.texts("smart_hosts") or [""]
        return [
            Entry(number=number, values=(text,), wrong=self._is_wrong(text, alone=not any(texts)))
            for number, text in enumerate(texts, start=1)
        ]

    def _is_wrong(self, text: str, *, alone: bool) -> bool:
        if self.quiet or "smart_hosts" not in self.errors:
            return False
        return alone or any(refuses(validators.smart_host, one) for one in text.replace(",", " ").split())

    def open_port(self) -> bool:
        """Whether the port needs to be seen: it is unusual, or wrong."""
        return str(self["port"].value()) != str(DEFAULT_PORT) or bool(self["port"].errors)

    def clean_delivery(self) -> Delivery:
        """Refuse what the type rules out."""
        delivery = Delivery(self.cleaned_data["delivery"])
        if delivery in self.ruled_out:
            raise forms.ValidationError(f"Network settings: {self.ruled_out[delivery]}")
        return delivery

    def settings(self) -> Mapping[str, Any]:
        """Network settings by attribute of the spec; what was typed for smart hosts counts only with them."""
        by_host = self.cleaned_data["delivery"] is Delivery.SMART_HOST
        return {**self.cleaned_data, "smart_hosts": self.cleaned_data["smart_hosts"] if by_host else ()}


def _oauth_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        help_text=help_text,
        error_messages={"null_characters_not_allowed": f"{label}: printable characters only."},
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}),
    )


class AuthenticationForm(Section):
    """How the smart hosts know us."""

    places = {
        "auth": "auth",
        "username": "username",
        "sealed_password": "password",
        "oauth_token_url": "oauth_token_url",
        "oauth_client_id": "oauth_client_id",
        "oauth_scope": "oauth_scope",
    }

    auth = forms.ChoiceField(
        label="Smart host authentication",
        choices=[
            (SmartHostAuth.NONE.value, "None"),
            (SmartHostAuth.BASIC.value, "Basic authentication"),
            (SmartHostAuth.XOAUTH2.value, "OAuth 2.0 (XOAUTH2)"),
            (SmartHostAuth.EXTERNAL.value, "Externally secured"),
        ],
        initial=SmartHostAuth.NONE.value,
        error_messages={
            "required": "Smart host authentication: choose one.",
            "invalid_choice": "Smart host authentication %(value)s: it is none of these.",
        },
    )
    after_tls = forms.BooleanField(
        label="Offer basic authentication only after starting TLS",
        required=False,
        help_text="The user name and password never travel in the clear. Recommended.",
    )
    username = forms.CharField(
        label="User name",
        required=False,
        error_messages={"null_characters_not_allowed": "User name: printable characters only."},
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}),
    )
    password = JudgedField(
        judge=validators.password,
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "new-password"}),
    )
    oauth_token_url = _oauth_field("Token URL", "Where the provider issues tokens, with https.")
    oauth_client_id = _oauth_field("Client ID", "The password above is the secret of this client.")
    oauth_scope = _oauth_field("Scope", "As the provider documents it; may be empty.")

    def __init__(self, *args: Any, stored: bool = False, **kwargs: Any) -> None:
        """`stored`: there is a sealed password already, which stays where nothing is typed."""
        self.stored = stored
        super().__init__(*args, **kwargs)
        if stored:
            self.fields["password"].widget.attrs["placeholder"] = "stored; leave blank to keep"

    def add_error(self, field: str | None, error: Any) -> None:
        """Refuse; where it is the password, leaving it blank is no way to keep one."""
        super().add_error(field, error)
        if field == "password":
            self.fields["password"].widget.attrs.pop("placeholder", None)

    def auth_options(self) -> list[Option]:
        """The ways, each with what it means."""
        return list(self.options("auth", hints=AUTHENTICATIONS))

    def full_clean(self) -> None:
        """Judge user name and password only where they are sent; elsewhere nobody sees them."""
        super().full_clean()
        if not self.is_bound or self.quiet:
            return
        auth = self.cleaned_data.get("auth")
        if auth not in {SmartHostAuth.BASIC, SmartHostAuth.XOAUTH2}:
            self.leave_out(username="", password="")
        if auth != SmartHostAuth.XOAUTH2:
            self.leave_out(oauth_token_url="", oauth_client_id="", oauth_scope="")

    def settings(self) -> Mapping[str, Any]:
        """Mechanism, user name and OAuth client; the password goes its own way, sealed."""
        if self.quiet:
            return {"auth": SmartHostAuth.NONE, "username": ""}
        auth = SmartHostAuth(self.cleaned_data["auth"])
        if auth is SmartHostAuth.BASIC and self.cleaned_data["after_tls"]:
            auth = SmartHostAuth.BASIC_REQUIRE_TLS
        named = ("username", "oauth_token_url", "oauth_client_id", "oauth_scope")
        return {"auth": auth, **{name: self.cleaned_data[name] for name in named}}


def _message_count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        rule = f"one connection carries 1 to {rules.MAX_MESSAGES_PER_CONNECTION} messages"
        raise InvalidValue("messages_per_connection", text, rule)
    return int(text)


class SessionForm(Section):
    """How the connector speaks SMTP; not on Exchange's wizard pages."""

    places = {
        "messages_per_connection": "messages_per_connection",
        "inactivity_timeout": "inactivity_timeout",
    }

    messages_per_connection = JudgedField(
        judge=_message_count,
        needed="Messages per connection: it is needed.",
        label="Messages per connection",
        widget=forms.TextInput(attrs={"class": "input is-cost", "inputmode": "numeric"}),
        help_text="After so many the connection is closed and a new one opened.",
    )
    inactivity_timeout = JudgedField(
        judge=validators.parse_time_span,
        needed="Connection inactivity time-out: it is needed, as in 00:10:00.",
        label="Connection inactivity time-out",
        widget=forms.TextInput(attrs={"class": "input is-short"}),
        help_text="Hours, minutes and seconds, as in 00:10:00. An idle connection is dropped after it.",
    )
