"""What a test message is made of."""

import re
from functools import partial
from typing import Any
from uuid import uuid4

from django import forms

from admincenter.components.forms import JudgedField, Section, judged
from transport import composing, submitting
from transport.composing import Draft, Mailbox, Unwritable
from transport.submitting import Unacceptable, Wanted

MAX_RECIPIENTS = 20
MAX_BODY_CHARACTERS = 20_000
TOLD = "SUCCESS,FAILURE,DELAY"
_SEPARATOR = re.compile(r"[\s,;]+")


def _address(text: str, *, label: str) -> str:
    try:
        return submitting.address(text, place=label)
    except Unacceptable as error:
        raise ValueError(f"{label} {text}: {error}.") from None


def _recipients(text: str) -> tuple[str, ...]:
    entries = list(dict.fromkeys(filter(None, _SEPARATOR.split(text))))
    if len(entries) > MAX_RECIPIENTS:
        raise ValueError(f"To: a test message goes to at most {MAX_RECIPIENTS} recipients.")
    return tuple(judged(iter(entries), judge=partial(_address, label="To")))


def _subject(text: str) -> str:
    try:
        return composing.one_line(text, field="subject", most=composing.MAX_SUBJECT_CHARACTERS)
    except Unwritable as error:
        raise ValueError(f"Subject: {error}.") from None


class ComposeForm(Section):
    """Sender, recipients, subject and body."""

    sender = JudgedField(
        judge=partial(_address, label="From"),
        needed="From: it is needed.",
        label="From",
        help_text="Non-delivery reports go there.",
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "inputmode": "email"}),
    )
    recipients = JudgedField(
        judge=_recipients,
        needed="To: at least one recipient is needed.",
        label="To",
        help_text="One address or several, with commas or spaces between them.",
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "inputmode": "email"}),
    )
    subject = JudgedField(judge=_subject, label="Subject")
    body = forms.CharField(
        label="Message",
        required=False,
        max_length=MAX_BODY_CHARACTERS,
        widget=forms.Textarea(attrs={"class": "input", "rows": 6}),
        error_messages={"max_length": f"Message: at most {MAX_BODY_CHARACTERS} characters."},
    )
    notify = forms.BooleanField(
        label="Ask for a delivery status notification",
        required=False,
        help_text="The address in From is told when the message was delivered, delayed or refused,"
        " if the hosts on the way can do that.",
    )
    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    """Sending the page twice, by a second click or a reload, sends one message."""

    def draft(self) -> Draft:
        """The message of the valid form."""
        said: dict[str, Any] = self.cleaned_data
        return Draft(
            sender=Mailbox(address=said["sender"]),
            to=[Mailbox(address=address) for address in said["recipients"]],
            subject=said["subject"],
            text=said["body"],
        )

    def wanted(self) -> Wanted:
        """Its envelope."""
        said: dict[str, Any] = self.cleaned_data
        return Wanted(
            sender=said["sender"],
            recipients=said["recipients"],
            notify=TOLD if said["notify"] else "",
        )
