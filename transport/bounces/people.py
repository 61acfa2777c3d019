"""The first part of a report, which people read: what happened and what to do, then what administrators need.

Plain text only: every program shows it as it is written, and nothing foreign in it can become markup.
"""

import textwrap
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from transport.bounces.cleaning import address_line, one_line
from transport.bounces.explanations import explain, last_reason
from transport.bounces.original import head_of
from transport.bounces.report import RecipientStatus, Report
from transport.envelope import Reply
from transport.states import Action

SEVEN_BIT = SMTP.clone(cte_type="7bit")
MAX_SUBJECT_CHARACTERS = 255
MAX_SHOWN_HEADER_LINES = 100
MAX_SHOWN_LINE_CHARACTERS = 500
_WIDTH = 72

_TITLES = {Action.FAILED: "Undeliverable", Action.DELAYED: "Delivery delayed", Action.RELAYED: "Relayed"}
_OPENINGS = {
    Action.FAILED: "Your message could not be delivered to {whom}:",
    Action.DELAYED: "Your message has not been delivered yet to {whom}:",
    Action.RELAYED: "Your message was handed on for {whom}:",
}


def title(report: Report) -> str:
    """Return the subject of the report."""
    return f"{_TITLES[report.action]}: {_subject(report)}".rstrip()


def human_part(report: Report) -> bytes:
    """Write the part with its own header."""
    part = EmailMessage(policy=SEVEN_BIT)
    lines = [*_for_the_sender(report), "", *_for_administrators(report)]
    part.set_content("\n".join(lines) + "\n")
    del part["MIME-Version"]
    return part.as_bytes()


def _subject(report: Report) -> str:
    return one_line(report.subject, limit=MAX_SUBJECT_CHARACTERS)


def _for_the_sender(report: Report) -> Iterator[str]:
    yield _OPENINGS[report.action].format(whom=_whom(report.recipients))
    for recipient in report.recipients:
        yield ""
        yield address_line(recipient.address)
        for paragraph in _about(report.action, recipient.reply):
            yield from textwrap.wrap(paragraph, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from _outlook(report)
    if subject := _subject(report):
        yield f"Subject: {subject}"
    yield f"Sent: {format_datetime(report.arrived_at)}"


def _whom(recipients: tuple[RecipientStatus, ...]) -> str:
    return "this recipient" if len(recipients) == 1 else f"these {len(recipients)} recipients"


def _about(action: Action, reply: Reply) -> Iterator[str]:
    """What there is to say about one recipient, a paragraph at a time."""
    if action is Action.FAILED:
        happened, means, remedy = explain(reply)
        yield f"{happened} {means}"
        yield f"What to do: {remedy}"
    if action is not Action.RELAYED and (reason := last_reason(reply)):
        yield f"Why the last try failed: {reason}"


def _outlook(report: Report) -> Iterator[str]:
    """What comes next, where this is not the end."""
    if report.action is Action.DELAYED:
        yield "This is only a warning. You do not need to send the message again."
        if report.retry_until is not None:
            yield f"It will be tried until {format_datetime(report.retry_until)}."
        yield ""
    elif report.action is Action.RELAYED:
        yield "The mail server that took it does not report deliveries: if nothing else comes"
        yield "back, the message most likely arrived."
        yield ""


def _for_administrators(report: Report) -> Iterator[str]:
    """Follow Exchange's layout (exchange.md 7.5)."""
    yield "-" * 60
    yield "Diagnostic information for administrators"
    yield ""
    yield f"Generating server: {one_line(report.reporting_mta)}"
    for recipient in report.recipients:
        yield ""
        yield address_line(recipient.address)
        if remote := _remote(recipient.reply):
            yield f"Remote server: {remote}"
        yield one_line(recipient.reply.line)
    yield ""
    yield "Original message headers:"
    yield ""
    yield from _shown_headers(report.original)


def _remote(reply: Reply) -> str:
    """Name the host that spoke, with the address that was dialled."""
    if not reply.remote or not reply.host:
        return ""
    address = f" ({one_line(reply.address, limit=80)})" if reply.address else ""
    return f"{one_line(reply.host, limit=255)}{address}"


def _shown_headers(original: bytes) -> Iterator[str]:
    lines = head_of(original).decode("utf-8", "replace").splitlines()
    for line in lines[:MAX_SHOWN_HEADER_LINES]:
        indent = "  " if line[:1] in {" ", "\t"} else ""
        yield indent + one_line(line, limit=MAX_SHOWN_LINE_CHARACTERS)
    if len(lines) > MAX_SHOWN_HEADER_LINES:
        yield f"({len(lines) - MAX_SHOWN_HEADER_LINES} more lines)"
