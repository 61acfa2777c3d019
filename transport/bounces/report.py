"""What a report says: frozen values, nothing of which is trusted."""

from dataclasses import dataclass
from datetime import datetime

from transport.envelope import Reply
from transport.states import Action

MAX_COPY_BYTES = 10 * 1024 * 1024
"""ExternalDsnMaxMessageAttachSize (exchange.md 7.5): of larger originals only the headers go back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientStatus:
    """What became of one recipient."""

    address: str
    reply: Reply
    """The one that decided; of ours where no host did."""
    attempted_at: datetime | None = None
    """When a host was last tried; None when none was."""
    orcpt: str = ""
    """The ORCPT of RFC 3461, encoded as it came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of one message for some of its recipients.

    Raises ValueError without sender (a report about a report would never end, RFC 5321 section 6.1) and
    without recipients.
    """

    action: Action
    reporting_mta: str
    """FQDN of this server."""
    sender: str
    """The envelope sender of the original, to whom this goes."""
    recipients: tuple[RecipientStatus, ...]
    arrived_at: datetime
    now: datetime
    original: bytes
    """The message as stored, CRLF lines; its head is enough where only the headers go back."""
    original_size_bytes: int
    """Of the whole message, however much of it is in `original`."""
    postmaster_domain: str = ""
    """The report comes from the postmaster there; empty: of this server."""
    subject: str = ""
    """Decoded, as shown to people."""
    original_message_id: str = ""
    """With angle brackets, as in the header."""
    envid: str = ""
    """The ENVID of RFC 3461, encoded as it came."""
    smtputf8: bool = False
    """The original came in with SMTPUTF8, so its header may be UTF-8 (RFC 6532)."""
    retry_until: datetime | None = None
    """Of what is late: when it goes back to the sender."""
    max_copy_bytes: int = MAX_COPY_BYTES
    """Of larger originals only the headers go back; 0: of every one."""

    def __post_init__(self) -> None:
        if not self.sender:
            raise ValueError("sender: a message from the null sender gets no report.")
        if not self.recipients:
            raise ValueError("recipients: a report is about one recipient at least.")

    @property
    def international(self) -> bool:
        """Whether the report needs SMTPUTF8 for the sender's sake, and so may be UTF-8 itself (RFC 6533)."""
        return not self.sender.isascii()
