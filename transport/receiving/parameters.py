"""The parameters of MAIL: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531); RCPT has none."""

import re
from dataclasses import dataclass

from transport.receiving.errors import BadParameter

_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?")
_SIZE = re.compile(rb"\d{1,20}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailParameters:
    """What a client declares about the message it is about to send."""

    size_bytes: int = 0
    """0 when it did not say."""
    eight_bit: bool = False
    smtputf8: bool = False


_NONE = MailParameters()


def parse_mail_parameters(rest: bytes) -> MailParameters:
    """Read what follows the address of MAIL; raises BadParameter."""
    if not rest:
        return _NONE
    parameters = _split(rest)
    declared = MailParameters(
        size_bytes=_size_bytes(parameters), eight_bit=_eight_bit(parameters), smtputf8=_smtputf8(parameters)
    )
    _refuse(parameters, verb="MAIL")
    return declared


def refuse_parameters(rest: bytes) -> None:
    """Raise BadParameter for anything that follows the address of RCPT: DSN is not announced."""
    if rest:
        _refuse(_split(rest), verb="RCPT")


def _split(rest: bytes) -> dict[bytes, bytes | None]:
    parameters: dict[bytes, bytes | None] = {}
    for word in rest.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise BadParameter(501, "A parameter is not of the form KEYWORD or KEYWORD=value")
        keyword = match[1].upper()
        if keyword in parameters:
            raise BadParameter(501, f"Parameter {keyword.decode()[:40]} stands twice")
        parameters[keyword] = match[2]
    return parameters


def _size_bytes(parameters: dict[bytes, bytes | None]) -> int:
    size = parameters.pop(b"SIZE", b"0")
    if size is None or not _SIZE.fullmatch(size):
        raise BadParameter(501, "SIZE needs a number of bytes")
    return int(size)


def _eight_bit(parameters: dict[bytes, bytes | None]) -> bool:
    body = (parameters.pop(b"BODY", b"7BIT") or b"").upper()
    if body not in (b"7BIT", b"8BITMIME"):
        raise BadParameter(501, "BODY needs 7BIT or 8BITMIME")
    return body == b"8BITMIME"


def _smtputf8(parameters: dict[bytes, bytes | None]) -> bool:
    if b"SMTPUTF8" not in parameters:
        return False
    if parameters.pop(b"SMTPUTF8") is not None:
        raise BadParameter(501, "SMTPUTF8 takes no value")
    return True


def _refuse(parameters: dict[bytes, bytes | None], *, verb: str) -> None:
    for keyword in parameters:
        raise BadParameter(555, f"{verb} parameter {keyword.decode()[:40]} is not supported")
