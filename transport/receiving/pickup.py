"""A file of the Pickup directory: its header says who sends what to whom (exchange.md 10.2)."""

from transport.envelope import Envelope
from transport.injected import NAMES
from transport.receiving.errors import BadAddress, Refused
from transport.receiving.fields import Field, Parted, part
from transport.receiving.handed_in import Origin, completed, too_many, with_crlf, without_hop_limit
from transport.receiving.limits import KIB, Limits
from transport.receiving.mailboxes import addresses

MAX_HEADER_BYTES = 64 * KIB
MAX_RECIPIENTS = 100
RECIPIENT_FIELDS = (b"to", b"cc", b"bcc")
UNDISCLOSED = b"To: Undisclosed recipients:;\r\n"


def read(data: bytes, *, limits: Limits, origin: Origin) -> Envelope:
    """Make an envelope of a message file; raises `Refused` with the rule it breaks.

    Sender is who stands in Sender, else in From; recipients are those of To, Cc and Bcc. Received, Resent-*
    and Bcc are taken out, everything else stays as it is, to the byte.
    """
    message = part(with_crlf(data, limits=without_hop_limit(limits)))
    sender, recipients = sender_of(message), recipients_of(message)
    if len(recipients) > limits.max_recipients:
        raise too_many(len(recipients), most=limits.max_recipients)
    if not message.named(b"to") and not message.named(b"cc"):
        message = Parted(fields=(Field(name=b"to", raw=UNDISCLOSED), *message.fields), rest=message.rest)
    content = completed(message, origin=origin, keep=_is_kept)
    return Envelope(
        mail_from=sender,
        recipients=recipients,
        content=content,
        received_at=origin.at,
        source=origin.door,
        eight_bit=not content.isascii(),
        smtputf8=not "".join((sender, *recipients)).isascii(),
        trusted_sender=True,
    )


def sender_of(message: Parted) -> str:
    """The address in Sender, else in From: several authors need one Sender (RFC 5322 section 3.6.2)."""
    for name in ("Sender", "From"):
        fields = message.named(name.lower().encode())
        if len(fields) > 1:
            raise Refused(550, "5.6.0", f"{name} stands {len(fields)} times; once is allowed")
        if fields:
            found = _addresses(fields[0], name=name)
            if len(found) != 1:
                rule = f"{name} has {len(found)} addresses; one is needed, or one in Sender"
                raise Refused(550, "5.1.7", rule)
            return found[0]
    raise Refused(550, "5.1.7", "Message has neither From nor Sender")


def recipients_of(message: Parted) -> tuple[str, ...]:
    """The addresses in To, Cc and Bcc, each once."""
    found = [
        address
        for name in RECIPIENT_FIELDS
        for field in message.named(name)
        for address in _addresses(field, name=name.decode().title())
    ]
    if not found:
        raise Refused(550, "5.1.3", "Message has no recipient in To, Cc or Bcc")
    return tuple(dict.fromkeys(found))


def _addresses(field: Field, *, name: str) -> tuple[str, ...]:
    try:
        return addresses(field.value)
    except BadAddress as error:
        raise Refused(550, "5.1.3", f"{name}: {error}") from None


def _is_kept(field: Field) -> bool:
    """The envelope of a message that was exported for Replay is for no recipient's eyes."""
    taken_out = NAMES | {b"received", b"bcc"}
    return field.name not in taken_out and not field.name.startswith(b"resent-")
