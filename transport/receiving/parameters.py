"""The parameters of MAIL and RCPT.

SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY and ORCPT (RFC 3461).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from transport import dsn
from transport.envelope import DsnRequest
from transport.receiving.errors import BadParameter

# RFC 6531 section 3.3 lets a value be UTF-8; who reads it decides where that makes sense.
_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\x80-\xff]+))?")
_SIZE = re.compile(rb"\d{1,20}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailParameters:
    """What a client declares about the message it is about to send."""

    size_bytes: int = 0
    """0 when it did not say."""
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


_NONE = MailParameters()
_NO_REQUEST = DsnRequest()


def parse_mail_parameters(rest: bytes, *, auth: bool = False) -> MailParameters:
    """Read what follows the address of MAIL; raises BadParameter.

    With `auth` a client may name the submitter (RFC 4954 section 5), whom nobody here believes.
    """
    if not rest:
        return _NONE
    parameters = _split(rest)
    if auth and parameters.pop(b"AUTH", b"<>") is None:
        raise BadParameter(501, "AUTH needs a mailbox or <>")
    declared = MailParameters(
        size_bytes=_size_bytes(parameters),
        eight_bit=_eight_bit(parameters),
        smtputf8=_smtputf8(parameters),
        ret=_word(parameters, b"RET", dsn.parse_ret),
        envid=_word(parameters, b"ENVID", dsn.parse_envid),
    )
    _refuse(parameters, verb="MAIL")
    return declared


def parse_rcpt_parameters(rest: bytes, *, smtputf8: bool) -> DsnRequest:
    """Read what follows the address of RCPT; `smtputf8` says that MAIL had it. Raises BadParameter."""
    if not rest:
        return _NO_REQUEST
    parameters = _split(rest)
    request = DsnRequest(
        notify=_word(parameters, b"NOTIFY", dsn.parse_notify),
        orcpt=_word(parameters, b"ORCPT", lambda value: dsn.parse_orcpt(value, smtputf8=smtputf8)),
    )
    _refuse(parameters, verb="RCPT")
    return request


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


def _word(parameters: dict[bytes, bytes | None], keyword: bytes, parse: Callable[[str], str]) -> str:
    """Read one parameter of RFC 3461, which asks for 501 where it is wrong; empty when it is not there."""
    if keyword not in parameters:
        return ""
    try:
        return parse((parameters.pop(keyword) or b"").decode())
    except UnicodeDecodeError:
        raise BadParameter(501, f"{keyword.decode()} is not valid UTF-8") from None
    except ValueError as error:
        raise BadParameter(501, str(error)) from None


def _refuse(parameters: dict[bytes, bytes | None], *, verb: str) -> None:
    for keyword in parameters:
        raise BadParameter(555, f"{verb} parameter {keyword.decode()[:40]} is not supported")
