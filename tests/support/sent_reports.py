"""The reports that the engine has put into its queues, read as their recipients would."""

import email
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from tests.support.reports import fields_of
from transport.models import Content, Message


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One report."""

    to: str
    actions: dict[str, str]
    """Action by final recipient."""
    about: dict[str, str]
    """The fields about the message."""
    groups: list[dict[str, str]]
    """The fields about each recipient."""
    message: EmailMessage


def sent_reports():
    """All of them, in the order in which they were written."""
    return [_read(one) for one in Message.objects.filter(source="DSN").order_by("pk")]


def actions():
    """(recipient, what he was told) pairs over all reports."""
    return [pair for report in sent_reports() for pair in report.actions.items()]


def _read(stored):
    assert stored.mail_from == ""
    (to,) = stored.recipients.values_list("address", flat=True)
    chunks = Content.objects.filter(message=stored).order_by("position").values_list("data", flat=True)
    message = email.message_from_bytes(b"".join(map(bytes, chunks)), policy=SMTP)
    about, *groups = (dict(group) for group in fields_of(message))
    told = {group["Final-Recipient"].partition("; ")[2]: group["Action"] for group in groups}
    return Sent(to=to, actions=told, about=about, groups=groups, message=message)
