"""The syntax of single values: what a field takes, in the form that is stored."""

import ipaddress
import re
import unicodedata
from datetime import timedelta

from connectors.domains import NotADomain, to_ascii
from connectors.errors import InvalidValue

MAX_NAME_CHARACTERS = 64
MAX_SERVER_CHARACTERS = 64
MAX_USERNAME_CHARACTERS = 256
MAX_PASSWORD_CHARACTERS = 1024
MAX_COMMENT_CHARACTERS = 1024
MAX_REASON_CHARACTERS = 500
MAX_MESSAGE_BYTES = 2_147_483_647
MIN_TIMEOUT, MAX_TIMEOUT = timedelta(seconds=1), timedelta(days=1)
_UNITS = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_SIZE = re.compile(
    r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?(B|KB|MB|GB|TB|)(?: \(([0-9,]{1,20}) bytes\))?", re.IGNORECASE
)
_SPAN = re.compile(r"(?:([0-9]{1,5})\.)?([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})")
_NOT_IN_A_PASSWORD = re.compile("[\0\r\n\ud800-\udfff]")
"""Line ends and NUL would break the dialogue; half a surrogate pair has no UTF-8 form."""
_SERVER = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?")


def name(text: str) -> str:
    """Check a connector name: 1 to 64 printable characters, spaces allowed. Raises InvalidValue."""
    value = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(value) <= MAX_NAME_CHARACTERS:
        raise InvalidValue("name", value, f"a name has 1 to {MAX_NAME_CHARACTERS} characters")
    if not value.isprintable():
        raise InvalidValue("name", value, "a name has printable characters only")
    if "\\" in value:
        raise InvalidValue("name", value, "a name has no backslash, which stands between server and object")
    return value


def name_key(text: str) -> str:
    """Fold a name: names with one key are the same, whatever their case (Unicode 3.13, D145).

    At most four characters for each of the name.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text.strip()).casefold())


def fqdn(text: str, *, field: str = "fqdn") -> str:
    """Check a fully qualified domain name and give it in lower case A-labels. Raises InvalidValue."""
    if _address(text.strip()) is not None:
        raise InvalidValue(field, text, "an IP address is no domain name")
    value = _host_name(text, field=field)
    if "." not in value:
        raise InvalidValue(field, text, "a fully qualified domain name has at least one dot")
    return value


def smart_host(text: str) -> str:
    """Give a host name in lower case A-labels, or an IP address without brackets. Raises InvalidValue."""
    value = text.strip()
    literal = value.startswith("[") and value.endswith("]")
    address = _address(value[1:-1].removeprefix("IPv6:") if literal else value)
    if address is not None:
        return _usable(address, text=value)
    if literal:
        raise InvalidValue("smart_hosts", value, "there is no IP address in the brackets")
    if "/" in value or "@" in value:
        rule = "a smart host is a host name or an IP address, with nothing in front of it or behind"
        raise InvalidValue("smart_hosts", value, rule)
    if ":" in value:
        raise InvalidValue("smart_hosts", value, "the port of a smart host has a field of its own")
    return _host_name(value, field="smart_hosts")


def server(text: str) -> str:
    """Give the name of a transport server in upper case. Raises InvalidValue."""
    value = text.strip().upper()
    if len(value) > MAX_SERVER_CHARACTERS or not _SERVER.fullmatch(value):
        raise InvalidValue(
            "source_servers", text, "a server name is made of letters, digits, dots, hyphens and underscores"
        )
    return value


def port(value: int | str) -> int:
    """Check a TCP port: Exchange documents 0 to 65535, but nothing listens on 0. Raises InvalidValue."""
    text = str(value).strip()
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= number <= 65_535:  # noqa: PLR2004 - 65535 is what a port is
        raise InvalidValue("port", text, "a port is a whole number from 1 to 65535")
    return number


def parse_size(text: str, *, field: str = "max_message_bytes") -> int | None:
    """Read `25MB`, `1.5 GB`, `36700160`, `35 MB (36,700,160 bytes)` or `unlimited` (None).

    Raises InvalidValue. Units are powers of 1024, as in Exchange; a part of a byte is rounded up.
    """
    value = any_size(text, field=field)
    return value if value is None else size(value, field=field)


def any_size(text: str, *, field: str) -> int | None:
    """Read a size, however large. Raises InvalidValue."""
    value = text.strip()
    if value.lower() == "unlimited":
        return None
    match = _SIZE.fullmatch(value)
    if match is None:
        raise InvalidValue(field, value, "a size is a number with B, KB, MB, GB or TB, or unlimited")
    whole, part, unit, exact = match.groups()
    if exact:
        return int(exact.replace(",", "") or 0)
    thousandths = int(whole) * 1000 + int((part or "").ljust(3, "0"))
    return -(-thousandths * _UNITS[unit.upper()] // 1000)


def size(value: int, *, field: str = "max_message_bytes") -> int:
    """Check a message size in bytes. Raises InvalidValue."""
    if not 1 <= value <= MAX_MESSAGE_BYTES:
        rule = f"a size is from 1 to {MAX_MESSAGE_BYTES} bytes, or unlimited"
        raise InvalidValue(field, value, rule)
    return value


def format_size(size_bytes: int | None) -> str:
    """Write a size as Exchange does: `35 MB (36,700,160 bytes)`, `unlimited`."""
    if size_bytes is None:
        return "unlimited"
    unit = next(unit for unit in ("TB", "GB", "MB", "KB", "B") if size_bytes >= _UNITS[unit] or unit == "B")
    return f"{float(f'{size_bytes / _UNITS[unit]:.4g}'):g} {unit} ({size_bytes:,} bytes)"


def parse_time_span(text: str, *, field: str = "inactivity_timeout") -> timedelta:
    """Read a time-out: `hh:mm:ss` or `d.hh:mm:ss`. Raises InvalidValue."""
    return time_span(any_time_span(text, field=field), field=field)


def any_time_span(text: str, *, field: str) -> timedelta:
    """Read `hh:mm:ss` or `d.hh:mm:ss`, however long. Raises InvalidValue."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise InvalidValue(field, text, "a time span reads hh:mm:ss or d.hh:mm:ss, as in 00:10:00")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - a clock
        raise InvalidValue(field, text, "a time span has at most 23 hours, 59 minutes and 59 seconds")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def time_span(value: timedelta, *, field: str = "inactivity_timeout") -> timedelta:
    """Check a time-out: from one second to one day. Raises InvalidValue."""
    if not MIN_TIMEOUT <= value <= MAX_TIMEOUT:
        raise InvalidValue(field, format_time_span(value), "a time-out is from 00:00:01 to 1.00:00:00")
    return value


def format_time_span(value: timedelta) -> str:
    """Write a time span as Exchange does: `00:10:00`, `1.00:00:00`."""
    minutes, seconds = divmod(value.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return f"{value.days}.{clock}" if value.days else clock


def username(text: str) -> str:
    """Check a user name for a smart host. Raises InvalidValue."""
    if not 1 <= len(text) <= MAX_USERNAME_CHARACTERS or not text.isprintable():
        rule = f"a user name has 1 to {MAX_USERNAME_CHARACTERS} printable characters"
        raise InvalidValue("username", text, rule)
    return text


def password(text: str) -> str:
    """Check a password before it is sealed (RFC 4616: no NUL). Raises InvalidValue, without it."""
    if not 1 <= len(text) <= MAX_PASSWORD_CHARACTERS or _NOT_IN_A_PASSWORD.search(text):
        rule = f"a password has 1 to {MAX_PASSWORD_CHARACTERS} characters and no line end"
        raise InvalidValue("sealed_password", "", rule)
    return text


def comment(text: str) -> str:
    """Check free text, several lines allowed. Raises InvalidValue."""
    if len(text) > MAX_COMMENT_CHARACTERS:
        raise InvalidValue("comment", text, f"a comment has at most {MAX_COMMENT_CHARACTERS} characters")
    if not all(character.isprintable() or character in "\r\n\t" for character in text):
        raise InvalidValue("comment", text, "a comment has printable characters and line ends only")
    return text


def reason(text: str) -> str:
    """Check why somebody changes something: one line, may be empty. Raises InvalidValue."""
    value = text.strip()
    if len(value) > MAX_REASON_CHARACTERS:
        raise InvalidValue("reason", value, f"a reason has at most {MAX_REASON_CHARACTERS} characters")
    if not value.isprintable():
        raise InvalidValue("reason", value, "a reason has printable characters only")
    return value


def _host_name(text: str, *, field: str) -> str:
    try:
        value = to_ascii(text.strip())
    except NotADomain as error:
        raise InvalidValue(field, text, str(error)) from error
    if value.rpartition(".")[2].isdigit():
        raise InvalidValue(field, text, "that is neither a host name nor an IP address")
    return value


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, text: str) -> str:
    if address.is_unspecified or address.is_multicast or "%" in str(address):
        rule = "no host can be reached under an unspecified, multicast or scoped address"
        raise InvalidValue("smart_hosts", text, rule)
    return str(address)
