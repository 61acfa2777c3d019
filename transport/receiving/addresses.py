"""The paths of MAIL and RCPT: their grammar and lengths (RFC 5321 sections 4.1.2 and 4.5.3.1)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from transport.receiving.errors import BadAddress

MAX_LOCAL_BYTES = 64
MAX_DOMAIN_BYTES = 255
MAX_PATH_BYTES = 256
_MAX_LABEL_BYTES = 63

_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_QUOTED = rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\x20-\x7e])*"'
# The underscore is no letter of RFC 5321, but host names that carry it send mail every day.
_LABEL = rb"[A-Za-z0-9_\x80-\xff][A-Za-z0-9_\x80-\xff-]*(?<!-)"
_PATH = re.compile(
    rb"<(?P<mailbox>(?P<local>%(atom)s(?:\.%(atom)s)*|%(quoted)s)"
    rb"@(?P<domain>%(label)s(?:\.%(label)s)*|\[[0-9A-Fa-f:.IPv]+\]))?>"
    % {b"atom": _ATOM, b"quoted": _QUOTED, b"label": _LABEL}
)


def parse_path(argument: bytes) -> tuple[str, bytes]:
    """Split what follows `FROM:` or `TO:` into the address (empty for `<>`) and the parameters behind it.

    Raises BadAddress. Source routes are refused: nobody but a relay hunter sends them.
    """
    argument = argument.lstrip(b" ")
    match = _PATH.match(argument)
    if match is None:
        raise BadAddress(_diagnose(argument))
    rest = argument[match.end() :]
    if rest and not rest.startswith(b" "):
        raise BadAddress("Something follows the address without a space")
    if match["mailbox"] is None:
        return "", rest
    _verify_lengths(match)
    _verify_quoted(match["local"])
    _verify_domain(match["domain"])
    return _decode(match["mailbox"]), rest


def _verify_lengths(match: re.Match[bytes]) -> None:
    for name, part, most in (
        ("path", match[0], MAX_PATH_BYTES),
        ("local part", match["local"], MAX_LOCAL_BYTES),
        ("domain", match["domain"], MAX_DOMAIN_BYTES),
    ):
        if len(part) > most:
            raise BadAddress(f"The {name} is longer than {most} octets")


def _verify_quoted(local: bytes) -> None:
    """Refuse what the client of the next hop would refuse to say: better now than with a report later."""
    if any(octet in local for octet in (b" ", b"<", b">")):
        raise BadAddress("A quoted local part with a space or an angle bracket is not relayed")


def _verify_domain(domain: bytes) -> None:
    if domain.startswith(b"["):
        _verify_literal(domain[1:-1].decode())
    elif domain.isascii() and max(map(len, domain.split(b"."))) > _MAX_LABEL_BYTES:
        raise BadAddress(f"A label of the domain is longer than {_MAX_LABEL_BYTES} octets")


def _verify_literal(literal: str) -> None:
    try:
        if literal[:5].upper() == "IPV6:":
            IPv6Address(literal[5:])
        else:
            IPv4Address(literal)
    except AddressValueError:
        raise BadAddress("The domain literal is not an IP address") from None


def _decode(mailbox: bytes) -> str:
    try:
        text = mailbox.decode()
    except UnicodeDecodeError:
        raise BadAddress("The address is not valid UTF-8") from None
    if not text.isprintable():
        raise BadAddress("The address contains a character that does not print")
    return text


def _diagnose(argument: bytes) -> str:
    """Say in words which rule a path breaks that the grammar refused."""
    if not argument.startswith(b"<") or b">" not in argument:
        return "The address must stand in angle brackets"
    if argument.startswith(b"<@"):
        return "Source routes are not accepted"
    if b"@" not in argument:
        return "The address needs a domain"
    return "The address is not of the form local-part@domain"
