"""What is done for a message whose client signed in (RFC 6409 section 8); relayed mail stays as it is."""

from datetime import datetime

from connectors.application_passwords import ANY_SENDER, Login
from transport.receiving.errors import BadAddress, Refused
from transport.receiving.fields import SECRET, Field, Parted, part
from transport.receiving.handed_in import missing_fields
from transport.receiving.mailboxes import addresses

_MAX_SHOWN = 200


def verified(content: bytes, *, login: Login, mail_from: str) -> Parted:
    """Give the parts of a message that this login may send.

    Raises `Refused` for a header that is none, and for a From that the login may not send as.
    """
    message = _parted(content)
    if ANY_SENDER not in login.senders:
        _verify_author(message, login=login, mail_from=mail_from)
    return message


def completed(message: Parted, *, fqdn: str, token: str, at: datetime) -> bytes:
    """Give the message without Bcc, and with Date and Message-ID if it had none."""
    before = missing_fields(message, fqdn=fqdn, token=token, at=at)
    return message.joined(before=before, keep=lambda field: field.name not in SECRET)


def _parted(content: bytes) -> Parted:
    """A message may end with its header (RFC 5322 section 3.5); then it gets the blank line."""
    has_body = content.startswith(b"\r\n") or b"\r\n\r\n" in content
    return part(content if has_body else content + b"\r\n")


def _verify_author(message: Parted, *, login: Login, mail_from: str) -> None:
    """The envelope was looked at already; what people read is From."""
    authors = [author for field in message.named(b"from") for author in _authors(field, login=login)]
    if not authors and not mail_from:
        raise _refused("nobody: the From field is missing", login=login)
    for author in authors:
        if not login.may_send_as(author):
            raise _refused(author, login=login)


def _authors(field: Field, *, login: Login) -> tuple[str, ...]:
    try:
        return addresses(field.value)
    except BadAddress as error:
        raise _refused(f"a From field that cannot be read ({error})", login=login) from None


def _refused(author: str, *, login: Login) -> Refused:
    return Refused(550, "5.7.60", f"{login.user_name} is not permitted to send as {author[:_MAX_SHOWN]}")
