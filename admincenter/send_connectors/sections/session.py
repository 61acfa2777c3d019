"""Where connections of a send connector leave from, how many there are, and how long they may take."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from admincenter.components.forms import JudgedField, Section
from connectors import validators
from connectors.errors import InvalidValue
from connectors.profiles import IpFamily, Timeouts
from connectors.session_rules import STAGES


def _count(field: str) -> JudgedField:
    def judge(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text):
            raise InvalidValue(field, text, "it is a whole number, or empty for no limit")
        return int(text)

    return _limit(judge)


def _rate(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        raise InvalidValue("messages_per_second", text, "it is a number such as 0.5, or empty for no limit")
    return Decimal(text)


def _limit(judge: Any) -> JudgedField:
    widget = forms.TextInput(attrs={"class": "input is-cost", "inputmode": "decimal"})
    return JudgedField(judge=judge, widget=widget)


class LimitForm(Section):
    """How much of the connector goes at once."""

    places = {
        "max_connections": "max_connections",
        "messages_per_second": "messages_per_second",
        "messages_per_day": "messages_per_day",
    }

    max_connections = _count("max_connections")
    messages_per_second = _limit(_rate)
    messages_per_day = _count("messages_per_day")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["max_connections"].label = "Connections per next hop"
        self.fields["max_connections"].help_text = "Empty: as many as the server allows."
        self.fields["messages_per_second"].label = "Messages per second"
        self.fields["messages_per_day"].label = "Messages per day"
        self.fields["messages_per_day"].help_text = "Providers cap both. Empty: unlimited."

    def settings(self) -> Mapping[str, Any]:
        """Limits by attribute of the spec; nothing typed is no limit."""
        return {name: None if value == "" else value for name, value in self.cleaned_data.items()}


class OriginForm(Section):
    """Where connections leave from, and how they begin."""

    places = {
        "source_ip_address": "source_ip_address",
        "ip_family": "ip_family",
        "force_helo": "force_helo",
    }

    source_ip_address = forms.CharField(
        label="Source IP address",
        required=False,
        help_text="An address of the source server. Empty: any.",
        error_messages={"null_characters_not_allowed": "Source IP address: printable characters only."},
        widget=forms.TextInput(attrs={"class": "input"}),
    )
    ip_family = forms.ChoiceField(
        label="IP family",
        required=False,
        choices=[
            (IpFamily.ANY.value, "IPv4 and IPv6"),
            (IpFamily.PREFER_IPV4.value, "IPv4 first"),
            (IpFamily.PREFER_IPV6.value, "IPv6 first"),
            (IpFamily.IPV4_ONLY.value, "IPv4 only"),
            (IpFamily.IPV6_ONLY.value, "IPv6 only"),
        ],
        widget=forms.Select(attrs={"class": "input is-short"}),
        error_messages={"invalid_choice": "IP family %(value)s: there is no such choice."},
    )
    force_helo = forms.BooleanField(
        label="Say HELO and never EHLO (ForceHELO)",
        required=False,
        help_text="For a next hop that mishandles EHLO. There is no TLS and no authentication then.",
    )

    def settings(self) -> Mapping[str, Any]:
        """By attribute of the spec."""
        return {**self.cleaned_data, "ip_family": IpFamily(self.cleaned_data["ip_family"] or IpFamily.ANY)}


_LABELS = {
    "connect": "Connection",
    "banner": "Banner",
    "ehlo": "EHLO",
    "starttls": "STARTTLS and handshake",
    "auth": "AUTH",
    "mail": "MAIL",
    "rcpt": "RCPT",
    "data": "DATA",
    "block": "One block of content",
    "dot": "Final dot",
    "quit": "QUIT",
    "session": "Whole session",
}


class TimeoutForm(Section):
    """How long each stage of a session may take (RFC 5321 section 4.5.3.2)."""

    places = {f"{stage}_timeout": f"{stage}_timeout" for stage in STAGES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for stage in STAGES:
            self.fields[f"{stage}_timeout"] = _timeout(stage)

    def are_unusual(self) -> bool:
        """Whether they need to be seen: one is not the usual one, or wrong."""
        usual = Timeouts()
        shown = ((self[f"{one}_timeout"].value(), getattr(usual, one)) for one in STAGES)
        return bool(self.errors) or any(text != validators.format_time_span(value) for text, value in shown)

    def settings(self) -> Mapping[str, Any]:
        """All of them as one attribute of the spec."""
        return {"timeouts": Timeouts(**{one: self.cleaned_data[f"{one}_timeout"] for one in STAGES})}


def _timeout(stage: str) -> JudgedField:
    field = f"{stage}_timeout"
    return JudgedField(
        judge=lambda text: validators.parse_time_span(text, field=field),
        needed=f"Time-out, {_LABELS[stage]}: it is needed, as in 00:05:00.",
        label=_LABELS[stage],
        widget=forms.TextInput(attrs={"class": "input is-short"}),
    )
