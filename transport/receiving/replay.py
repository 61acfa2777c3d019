"""A file of the Replay directory: X-headers in front of the message are its envelope (exchange.md 10.2)."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import takewhile

from transport import dsn
from transport.cleaning import clean_text
from transport.envelope import DsnRequest, Envelope
from transport.injected import NAMES, TRUSTED
from transport.receiving.addresses import parse_path
from transport.receiving.errors import BadAddress, BadParameter, Refused
from transport.receiving.fields import SECRET, Field, Parted, part
from transport.receiving.handed_in import Origin, completed, too_many, with_crlf
from transport.receiving.limits import Limits
from transport.receiving.parameters import MailParameters, parse_mail_parameters, parse_rcpt_parameters

MAX_RECIPIENTS = 5000
"""What Exchange's own listener for other servers takes (exchange.md 10.1)."""
_SENDER, _RECEIVER, _END = b"x-sender", b"x-receiver", b"x-endofinjectedxheaders"
_SINGLE = NAMES - {_RECEIVER}
_AUTH = re.compile(rb" +AUTH=\S*", re.IGNORECASE)
_PLAIN_ORCPT = re.compile(rb" ORCPT=([^;\s]+)(?=\s|$)", re.IGNORECASE)
"""Exchange's examples name the original recipient without its address type."""
_MAX_SOURCE = 64
_MAX_NAME = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class _Receiver:
    address: str
    request: DsnRequest


def read(data: bytes, *, limits: Limits, origin: Origin) -> Envelope:
    """Make an envelope of a message file; raises `Refused` with the rule it breaks.

    The X-headers are taken out with Bcc, everything else stays as it is, to the byte.
    """
    message = part(with_crlf(data, limits=limits))
    injected = _injected(message)
    below = Parted(fields=message.fields[len(injected) :], rest=message.rest)
    for field in below.fields:
        if field.name in (_SENDER, _RECEIVER):
            raise _bad(f"{_shown(field)} stands below other fields; X-headers come first")
    sender, parameters = _sender(injected)
    receivers = _receivers(injected, smtputf8=parameters.smtputf8)
    if len(receivers) > limits.max_recipients:
        raise too_many(len(receivers), most=limits.max_recipients)
    content = completed(below, origin=origin, keep=lambda field: field.name not in SECRET)
    addresses = tuple(one.address for one in receivers)
    client_address = _source_address(_single(injected, b"x-sourceipaddress"))
    return Envelope(
        mail_from=sender,
        recipients=addresses,
        content=content,
        received_at=origin.at,
        source=clean_text(_single(injected, b"x-source"), limit=_MAX_SOURCE) or origin.door,
        client_address=client_address,
        client_name=clean_text(_single(injected, b"x-helodomain"), limit=_MAX_NAME),
        eight_bit=parameters.eight_bit or not content.isascii(),
        smtputf8=parameters.smtputf8 or not "".join((sender, *addresses)).isascii(),
        ret=parameters.ret,
        envid=parameters.envid,
        dsn_requests={one.address: one.request for one in receivers if one.request != DsnRequest()},
        # What somebody once sent from elsewhere keeps its distrust; what was written here is ours.
        trusted_sender=not client_address or _single(injected, b"x-extendedmessageprops") == TRUSTED.encode(),
    )


def _injected(message: Parted) -> tuple[Field, ...]:
    """The X-headers on top; X-EndOfInjectedXHeaders ends them."""
    first = tuple(takewhile(lambda field: field.name in NAMES, message.fields))
    names = [field.name for field in first]
    first = first[: names.index(_END) + 1] if _END in names else first
    for name in sorted(_SINGLE):
        if sum(field.name == name for field in first) > 1:
            raise _bad(f"{name.decode().title()} stands more than once")
    if _END in names and not _single(first, _END).isdigit():
        raise _bad("X-EndOfInjectedXHeaders needs a number of bytes")
    return first


def _sender(injected: tuple[Field, ...]) -> tuple[str, MailParameters]:
    field = next((field for field in injected if field.name == _SENDER), None)
    if field is None:
        raise _bad("Message does not begin with X-headers that have an X-Sender")
    try:
        address, rest = parse_path(_bracketed(field.value))
        return address, parse_mail_parameters(_AUTH.sub(b"", rest))
    except (BadAddress, BadParameter) as error:
        raise _bad(f"X-Sender: {error}") from None


def _receivers(injected: tuple[Field, ...], *, smtputf8: bool) -> tuple[_Receiver, ...]:
    found = [_receiver(field, smtputf8=smtputf8) for field in injected if field.name == _RECEIVER]
    if not found:
        raise _bad("Message has no X-Receiver")
    return tuple({one.address: one for one in reversed(found)}.values())[::-1]


def _receiver(field: Field, *, smtputf8: bool) -> _Receiver:
    try:
        address, rest = parse_path(_bracketed(field.value))
        request = parse_rcpt_parameters(_PLAIN_ORCPT.sub(_typed, rest), smtputf8=smtputf8)
    except (BadAddress, BadParameter) as error:
        raise _bad(f"X-Receiver: {error}") from None
    if not address:
        raise _bad("X-Receiver: The address is empty")
    return _Receiver(address=address, request=request)


def _bracketed(value: bytes) -> bytes:
    """Exchange takes an address without its angle brackets too."""
    if value.startswith(b"<"):
        return value
    address, space, rest = value.partition(b" ")
    return b"<" + address + b">" + space + rest


def _typed(match: re.Match[bytes]) -> bytes:
    plain = match[1].decode("utf-8", "replace")
    return f" ORCPT={dsn.orcpt_for(plain)}".encode()


def _single(injected: tuple[Field, ...], name: bytes) -> bytes:
    return next((field.value for field in injected if field.name == name), b"")


def _source_address(value: bytes) -> str:
    """An address; what Exchange writes for an unknown one counts as none."""
    try:
        address = ip_address(value.decode("ascii", "replace").strip("[] "))
    except ValueError:
        return ""
    return "" if address.is_unspecified else str(address)


def _shown(field: Field) -> str:
    return field.name.decode("ascii", "replace").title()


def _bad(rule: str) -> Refused:
    return Refused(550, "5.6.0", rule)
