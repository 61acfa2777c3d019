"""Command lines that stay one line, whatever an address holds."""

import re

import idna

from transport.smtp.errors import NeedsSmtpUtf8, UnsafeAddress, UnsafeSender
from transport.smtp.extensions import Extensions

ADDRESS_LIMIT_BYTES = 512
"""RFC 5321 asks for 256; long bounce addresses (VERP) pass it in practice."""

DATA = b"DATA\r\n"
QUIT = b"QUIT\r\n"
RSET = b"RSET\r\n"
STARTTLS = b"STARTTLS\r\n"

_BREAKS_THE_LINE = re.compile(r"[\x00-\x20\x7f<>]")
_HOST_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


def ehlo(name: str) -> bytes:
    """EHLO with our own name, an A-label FQDN or an address literal. Raises ValueError on anything else."""
    return b"EHLO " + _host_name(name)


def helo(name: str) -> bytes:
    """HELO for hosts that do not know EHLO."""
    return b"HELO " + _host_name(name)


def _host_name(name: str) -> bytes:
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no host name: the EHLO name must be an FQDN or an address literal")
    return name.encode() + b"\r\n"


def mail(
    sender: str, *, offered: Extensions, size_bytes: int, eight_bit: bool = False, smtputf8: bool = False
) -> bytes:
    """MAIL FROM with SIZE, BODY and SMTPUTF8 where offered; an empty sender is the null sender.

    `eight_bit` and `smtputf8` say what the message needs. Raises UnsafeAddress and NeedsSmtpUtf8.
    """
    smtputf8 = offered.smtputf8 and (smtputf8 or needs_smtputf8(sender))
    line = b"MAIL FROM:<%b>" % _sender(sender, smtputf8=smtputf8)
    if offered.size:
        line += b" SIZE=%d" % size_bytes
    if eight_bit and offered.eight_bit:
        line += b" BODY=8BITMIME"
    if smtputf8:
        line += b" SMTPUTF8"
    return line + b"\r\n"


def _sender(sender: str, *, smtputf8: bool) -> bytes:
    try:
        return _address(sender, smtputf8=smtputf8) if sender else b""
    except UnsafeAddress as error:
        raise UnsafeSender(str(error)) from error


def rcpt(recipient: str, *, smtputf8: bool) -> bytes:
    """RCPT TO; `smtputf8` says that MAIL carried SMTPUTF8. Raises UnsafeAddress and NeedsSmtpUtf8."""
    if not recipient:
        raise UnsafeAddress("The recipient address is empty")
    return b"RCPT TO:<%b>\r\n" % _address(recipient, smtputf8=smtputf8)


def needs_smtputf8(address: str) -> bool:
    """Whether the local part is not ASCII; a domain alone can be written in A-labels."""
    return not (address.isascii() or address.rpartition("@")[0].isascii())


def _address(address: str, *, smtputf8: bool) -> bytes:
    if _BREAKS_THE_LINE.search(address) or not address.isprintable():
        raise UnsafeAddress("The address holds a space, a control character or an angle bracket")
    if len(address) > ADDRESS_LIMIT_BYTES:
        raise UnsafeAddress(f"The address is longer than {ADDRESS_LIMIT_BYTES} bytes")
    return address.encode() if address.isascii() else _international(address, smtputf8=smtputf8)


def _international(address: str, *, smtputf8: bool) -> bytes:
    if needs_smtputf8(address):
        if not smtputf8:
            raise NeedsSmtpUtf8("The address is not ASCII and the host does not offer SMTPUTF8")
        return address.encode()
    local, _, domain = address.rpartition("@")
    try:
        labels = idna.encode(domain, uts46=True, std3_rules=True)
    except idna.IDNAError as error:
        raise UnsafeAddress("The domain of the address is not a valid international name") from error
    return local.encode() + b"@" + labels
