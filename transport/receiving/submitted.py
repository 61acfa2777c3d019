"""A message that a program or a person hands in whole, with its envelope beside it or in its header."""

from collections.abc import Sequence

from transport.envelope import DsnRequest, Envelope
from transport.receiving import pickup
from transport.receiving.addresses import parse_path
from transport.receiving.errors import BadAddress, Refused
from transport.receiving.fields import SECRET, part
from transport.receiving.handed_in import Origin, completed, too_many, with_crlf
from transport.receiving.limits import Limits
from transport.receiving.mailboxes import addresses


def read(  # noqa: PLR0913 - each by name
    data: bytes, *, sender: str, recipients: Sequence[str], notify: str, limits: Limits, origin: Origin
) -> Envelope:
    """Make an envelope; `sender` and `recipients` were judged before, empty ones come from the header.

    Bcc is taken out, everything else stays as it is, to the byte. Raises `Refused` with the rule it breaks.
    """
    message = part(with_crlf(data, limits=limits))
    mail_from = sender or pickup.sender_of(message)
    to = tuple(dict.fromkeys(recipients)) or pickup.recipients_of(message)
    if len(to) > limits.max_recipients:
        raise too_many(len(to), most=limits.max_recipients)
    content = completed(message, origin=origin, keep=lambda field: field.name not in SECRET)
    return Envelope(
        mail_from=mail_from,
        recipients=to,
        content=content,
        received_at=origin.at,
        source=origin.door,
        eight_bit=not content.isascii(),
        smtputf8=not "".join((mail_from, *to)).isascii(),
        dsn_requests={address: DsnRequest(notify=notify) for address in to} if notify else {},
        trusted_sender=True,
    )


def authors(content: bytes) -> tuple[str, ...]:
    """Whom a message says it is from: the addresses in From and Sender. Raises `Refused`."""
    try:
        message = part(content)
        fields = (*message.named(b"from"), *message.named(b"sender"))
        return tuple(address for field in fields for address in addresses(field.value))
    except BadAddress as error:
        raise Refused(550, "5.6.0", f"From: {error}") from None


def address(text: str) -> str:
    """One address as RFC 5321 writes it, without angle brackets. Raises BadAddress."""
    if not text.isprintable():
        raise BadAddress("The address contains a character that does not print")
    found, rest = parse_path(f"<{text}>".encode())
    if rest or not found:
        raise BadAddress("The address is empty" if not found else "Something follows the address")
    return found
