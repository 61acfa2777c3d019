"""How much one client may ask of a receive connector. The ranges are those of `receive_rules`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from admincenter.components.forms import JudgedField, Section
from connectors.errors import LABELS as COMMON_LABELS
from connectors.errors import InvalidValue, shown
from connectors.receive_rules import LABELS as OWN_LABELS
from connectors.receiving import RateSource
from connectors.validators import any_size, any_time_span

LABELS = COMMON_LABELS | OWN_LABELS
UNLIMITED = "unlimited"


def _field(name: str, judge: Callable[[str], Any], *, example: str, hint: str, css: str) -> JudgedField:
    return JudgedField(
        judge=judge,
        needed=f"{LABELS[name]}: it is needed, as in {example}.",
        label=LABELS[name],
        help_text=hint,
        widget=forms.TextInput(attrs={"class": f"input {css}", "autocomplete": "off"}),
    )


def _count(name: str, *, example: str, hint: str = "") -> JudgedField:
    return _field(name, lambda text: _number(text, name), example=example, hint=hint, css="is-short")


def _count_or_unlimited(name: str, *, example: str, hint: str) -> JudgedField:
    def judge(text: str) -> int | None:
        if text.lower() == UNLIMITED:
            return None
        return _number(text, name, otherwise=f", or {UNLIMITED}")

    return _field(name, judge, example=example, hint=f"{hint} Or {UNLIMITED}.".strip(), css="is-short")


def _number(text: str, name: str, *, otherwise: str = "") -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise ValueError(f"{LABELS[name]} {shown(text)}: it is a whole number{otherwise}.")
    return int(text)


def _size(name: str, *, example: str, hint: str) -> JudgedField:
    def judge(text: str) -> int:
        value = any_size(text, field=name)
        if value is None:
            raise InvalidValue(name, text, "a receive connector has a limit, such as " + example)
        return value

    return _field(name, judge, example=example, hint=hint, css="")


def _span(name: str, *, example: str, hint: str) -> JudgedField:
    return _field(
        name, lambda text: any_time_span(text, field=name), example=example, hint=hint, css="is-short"
    )


class LimitForm(Section):
    """All fields of `ReceiveLimits`, each under its own name."""

    max_message_bytes = _size("max_message_bytes", example="36 MB", hint="With KB, MB or GB.")
    max_header_bytes = _size("max_header_bytes", example="256 KB", hint="Of all header fields together.")
    max_recipients = _count(
        "max_recipients", example="200", hint="More are asked to come in another message."
    )
    max_hop_count = _count("max_hop_count", example="30", hint="Received lines that a message may bring.")
    max_connections = _count_or_unlimited("max_connections", example="5000", hint="At once.")
    max_connections_per_source = _count_or_unlimited(
        "max_connections_per_source", example="20", hint="Of one IP address."
    )
    max_connections_percent_per_source = _count(
        "max_connections_percent_per_source", example="2", hint="Of the connections that are still free."
    )
    message_rate = _count_or_unlimited("message_rate", example="60", hint="Messages a minute.")
    message_rate_source = forms.TypedChoiceField(
        label=LABELS["message_rate_source"],
        choices=[
            (RateSource.NONE.value, "None: not counted"),
            (RateSource.ADDRESS.value, "By IP address"),
            (RateSource.USER.value, "By user who signed in"),
            (RateSource.ALL.value, "By both"),
        ],
        coerce=RateSource,
        error_messages={
            "required": "Message rate source: choose one.",
            "invalid_choice": "Message rate source %(value)s: it is none of None, IPAddress, User and All.",
        },
        widget=forms.Select(attrs={"class": "input"}),
        help_text="What the rate limit counts by.",
    )
    max_protocol_errors = _count_or_unlimited(
        "max_protocol_errors", example="5", hint="The next error ends the session."
    )
    max_logon_failures = _count(
        "max_logon_failures", example="3", hint="The next failure ends the session. 0 is no limit."
    )
    connection_timeout = _span(
        "connection_timeout", example="00:10:00", hint="Every connection is closed after this time."
    )
    connection_inactivity_timeout = _span(
        "connection_inactivity_timeout", example="00:05:00", hint="A silent client is closed after this time."
    )
    tarpit_interval = _span(
        "tarpit_interval",
        example="00:00:05",
        hint="How late refusals come to clients that are not trusted. 00:00:00 is at once.",
    )

    places = {
        name: name
        for name in (
            "max_message_bytes", "max_header_bytes", "max_recipients", "max_hop_count", "max_connections",
            "max_connections_per_source", "max_connections_percent_per_source", "message_rate",
            "message_rate_source", "max_protocol_errors", "max_logon_failures", "connection_timeout",
            "connection_inactivity_timeout", "tarpit_interval",
        )
    }  # fmt: skip

    def settings(self) -> Mapping[str, Any]:
        """By attribute of `ReceiveLimits`."""
        return self.cleaned_data
