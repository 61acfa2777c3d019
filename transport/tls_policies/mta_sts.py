"""How an MTA-STS record and policy are read, and which hosts a policy allows (RFC 8461 section 3)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from transport.destinations.names import is_host_name

VERSION = "STSv1"
LONGEST = timedelta(seconds=31_557_600)
"""`max_age` counts no further (RFC 8461 section 3.2)."""
MAX_HOSTS = 200
_RECORD = f"v={VERSION};".encode()
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})")
_LINE_END = re.compile(r"\r?\n")
_SECONDS = re.compile(r"[0-9]{1,10}")


class InvalidPolicy(ValueError):  # noqa: N818 - says what was found
    """A policy that must be taken for none; its text says why."""


class Mode(StrEnum):
    """What a policy asks of senders."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One policy as its domain published it."""

    mode: Mode
    max_age: timedelta
    mx: tuple[str, ...] = ()
    """Host names in lower case, the first label may be `*`."""

    def allows(self, host: str) -> bool:
        """Whether mail may go to this MX host; `*` stands for exactly one label (RFC 8461 section 4.1)."""
        parent = host.partition(".")[2]
        return host in self.mx or (bool(parent) and f"*.{parent}" in self.mx)


def read_record(texts: Iterable[bytes]) -> str | None:
    """Give the id in the TXT records of `_mta-sts`; None unless exactly one is there and well-formed."""
    records = [text for text in texts if text.startswith(_RECORD)]
    if len(records) != 1 or not records[0].isascii():
        return None
    found = ""
    for field in records[0].decode().removeprefix(_RECORD.decode()).split(";"):
        name, equals, value = (part.strip() for part in field.partition("="))
        if not field.strip():
            continue
        if not equals or not _FIELD.fullmatch(name):
            return None
        found = found or (value if name == "id" else "")
    return found if _ID.fullmatch(found) else None


def read_policy(body: bytes) -> Policy:
    """Read a policy file. Raises InvalidPolicy."""
    try:
        lines = _LINE_END.split(body.decode())
    except UnicodeDecodeError:
        raise InvalidPolicy("it is not UTF-8") from None
    fields = [_field(line) for line in lines if line.strip()]
    first = dict(reversed(fields))
    if first.get("version") != VERSION:
        raise InvalidPolicy(f"its version is not {VERSION}")
    mode = first.get("mode", "")
    if mode not in list(Mode):
        raise InvalidPolicy("its mode is none of enforce, testing and none")
    hosts = tuple(value.lower() for name, value in fields if name == "mx")
    _check_hosts(hosts, needed=mode != Mode.NONE)
    return Policy(mode=Mode(mode), max_age=_max_age(first.get("max_age", "")), mx=hosts)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _FIELD.fullmatch(name.strip()):
        raise InvalidPolicy("a line is no `key: value`")
    return name.strip(), value.strip()


def _max_age(text: str) -> timedelta:
    if not _SECONDS.fullmatch(text):
        raise InvalidPolicy("its max_age is no number of seconds")
    return min(timedelta(seconds=int(text)), LONGEST)


def _check_hosts(hosts: Sequence[str], *, needed: bool) -> None:
    if needed and not hosts:
        raise InvalidPolicy("it lists no mx")
    if len(hosts) > MAX_HOSTS:
        raise InvalidPolicy(f"it lists more than {MAX_HOSTS} mx")
    if not all(is_host_name(host.removeprefix("*.")) for host in hosts):
        raise InvalidPolicy("an mx is no host name")
