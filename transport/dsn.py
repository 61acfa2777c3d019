r"""What a sender wants to be told (RFC 3461), and how its parameters are written: xtext, utf-8 addresses.

Parameters stay as they came, so that they can be passed on as they came; what stands here makes sure that
each is one short word of one line. Every `parse_` raises ValueError with the rule that is broken.
"""

import re

MAX_ENVID_CHARACTERS = 100
MAX_ORCPT_BYTES = 500
"""RFC 3461 sections 4.4 and 4.2."""

NEVER, SUCCESS, FAILURE, DELAY = "NEVER", "SUCCESS", "FAILURE", "DELAY"
_CONDITIONS = frozenset((SUCCESS, FAILURE, DELAY))
_BY_DEFAULT = frozenset((FAILURE, DELAY))

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*/?^_`{|}~-]{1,40}")
"""An atom (RFC 3461 section 4.2) without `+` and `=`, which a parameter value cannot hold."""
_UTF8_ADDRESS = re.compile(r"(?:[!-*,-<>-\[\]-~\x80-\U0010ffff]|\\x\{[0-9A-Fa-f]{2,6}\})+")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_QUOTED = re.compile(r"[^!-*,-<>-\[\]-~]")
"""All but QCHAR of RFC 6533 section 3."""
_LAST_CODE_POINT = 0x10FFFF


def parse_ret(value: str) -> str:
    """FULL or HDRS, in upper case."""
    if not value.isascii() or value.upper() not in ("FULL", "HDRS"):
        raise ValueError("RET needs FULL or HDRS")
    return value.upper()


def parse_envid(value: str) -> str:
    """Return the envelope identifier as it came: xtext of at most 100 printable ASCII characters."""
    if len(value) > MAX_ENVID_CHARACTERS:
        raise ValueError(f"ENVID is longer than {MAX_ENVID_CHARACTERS} characters")
    if not _is_xtext(value):
        raise ValueError("ENVID is not xtext of printable characters")
    return value


def parse_notify(value: str) -> str:
    """NEVER, or a list of SUCCESS, FAILURE and DELAY, in upper case."""
    conditions = value.upper().split(",")
    known = conditions == [NEVER] or _CONDITIONS.issuperset(conditions)
    if not value.isascii() or not known or len(set(conditions)) < len(conditions):
        raise ValueError("NOTIFY needs NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return value.upper()


def parse_orcpt(value: str, *, smtputf8: bool) -> str:
    """Return the original recipient, `type;xtext`, as it came; `smtputf8` says what MAIL had."""
    kind, separator, address = value.partition(";")
    if len(value.encode()) > MAX_ORCPT_BYTES:
        raise ValueError(f"ORCPT is longer than {MAX_ORCPT_BYTES} octets")
    if not separator or not _ADDRESS_TYPE.fullmatch(kind):
        raise ValueError("ORCPT needs an address type, a semicolon and an address")
    if not (_is_utf8_address(address) if kind.lower() == "utf-8" else _is_xtext(address)):
        raise ValueError("ORCPT holds an address that is not written as its type demands")
    if not value.isascii() and not smtputf8:
        raise ValueError("ORCPT is not ASCII and MAIL had no SMTPUTF8")
    return value


def _is_xtext(value: str) -> bool:
    return bool(_XTEXT.fullmatch(value)) and decode(value).isascii() and decode(value).isprintable()


def _is_utf8_address(value: str) -> bool:
    if not _UTF8_ADDRESS.fullmatch(value):
        return False
    points = (int(digits, 16) for digits in _EMBEDDED.findall(value))
    return max(points, default=0) <= _LAST_CODE_POINT and _decode_utf8(value).isprintable()


def wants(condition: str, notify: str) -> bool:
    """Whether the sender is to be told; without NOTIFY of failures and of delays (RFC 3461 section 4.1)."""
    return condition in (notify.split(",") if notify else _BY_DEFAULT)


def encode(text: str) -> str:
    """Write ASCII text as xtext."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def decode(xtext: str) -> str:
    """Read xtext."""
    return _HEX.sub(lambda match: chr(int(match[1], 16)), xtext)


def _decode_utf8(value: str) -> str:
    return _EMBEDDED.sub(lambda match: chr(int(match[1], 16)), value)


def encode_utf8(address: str) -> str:
    r"""Write an address in the 7-bit form of RFC 6533: `jos\x{E9}@contoso.com`."""
    return _QUOTED.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", address)


def orcpt_for(address: str) -> str:
    """Name, in ASCII, a recipient who came without ORCPT (RFC 3461 section 5.2.1)."""
    return f"rfc822;{encode(address)}" if address.isascii() else f"utf-8;{encode_utf8(address)}"


def in_seven_bits(orcpt: str) -> str:
    """Rewrite an ORCPT for a host without SMTPUTF8 (RFC 6533 section 3): what is ASCII stays as it is."""
    kind, _, address = orcpt.partition(";")
    return orcpt if orcpt.isascii() else f"{kind};{encode_utf8(_decode_utf8(address))}"


def original_recipient(orcpt: str) -> tuple[str, str]:
    """Return address type and decoded address of an ORCPT, as a report names them."""
    kind, _, address = orcpt.partition(";")
    return kind, _decode_utf8(address) if kind.lower() == "utf-8" else decode(address)
