"""What a report says: frozen values, nothing of which is trusted."""

from dataclasses import dataclass
from datetime import datetime

from transport.envelope import Reply

MAX_COPY_BYTES = 10 * 1024 * 1024
"""ExternalDsnMaxMessageAttachSize (exchange.md 7.5): of larger originals only the headers go back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientFailure:
    """One recipient and why the message ended for him."""

    address: str
    reply: Reply
    attempted_at: datetime | None = None
    """When a host was last tried; None when none was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One message that failed for some of its recipients.

    Raises ValueError without sender (a report about a report would never end, RFC 5321 section 6.1) and
    without recipients.
    """

    reporting_mta: str
    """FQDN of this server; the report comes from its postmaster."""
    sender: str
    """The envelope sender of the original, to whom this goes."""
    recipients: tuple[RecipientFailure, ...]
    arrived_at: datetime
    now: datetime
    original: bytes
    """The message as stored, CRLF lines; its head is enough where only the headers go back."""
    original_size_bytes: int
    """Of the whole message, however much of it is in `original`."""
    subject: str = ""
    """Decoded, as shown to people."""
    original_message_id: str = ""
    """With angle brackets, as in the header."""
    smtputf8: bool = False
    """The original came in with SMTPUTF8, so its header may be UTF-8 (RFC 6532)."""
    max_copy_bytes: int = MAX_COPY_BYTES

    def __post_init__(self) -> None:
        if not self.sender:
            raise ValueError("sender: a message from the null sender gets no report.")
        if not self.recipients:
            raise ValueError("recipients: a report is about one recipient at least.")
