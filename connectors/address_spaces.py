"""What a connector carries: the syntax of address spaces and what they match (exchange.md 1.3)."""

import re
from dataclasses import dataclass

from connectors.domains import NotADomain, readable, to_ascii
from connectors.errors import InvalidValue

SMTP = "SMTP"
EVERY_DOMAIN = "*"
DEFAULT_COST = 1
MIN_COST, MAX_COST = 1, 100
MAX_PATTERN_CHARACTERS = 400
EXACT = 1000
"""Specificity of a plain domain: above any suffix, which has at most 127 labels."""
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
_X400_PART = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,15}=[^=;]+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FIELD = "address_spaces"


class InvalidAddressSpace(InvalidValue):
    """An address space that Exchange's syntax refuses; `problem` names field, value and rule."""


@dataclass(frozen=True, slots=True)
class AddressSpace:
    """A valid address space in stored form; made by `parse` or `build`."""

    type: str
    """`SMTP` in upper case, or another type as it was written in upper case."""
    pattern: str
    """SMTP: `*`, `*.suffix` or a domain, in lower case A-labels. Other types: their own text."""
    cost: int = DEFAULT_COST
    """1 to 100, lower is preferred."""

    def __str__(self) -> str:
        return f"{self.type}:{self.pattern};{self.cost}"

    @property
    def readable(self) -> str:
        """The pattern with U-labels where they are safe to show."""
        return readable(self.pattern) if self.type == SMTP else self.pattern

    @property
    def specificity(self) -> int:
        """1000 for a domain, the number of labels for `*.suffix`, 0 for `*`."""
        if self.pattern == EVERY_DOMAIN:
            return 0
        return self.pattern.count(".") if self.pattern.startswith("*.") else EXACT

    def matches(self, domain: str) -> bool:
        """Tell whether a recipient domain, in lower case A-labels, lies in this space."""
        if self.type != SMTP:
            return False
        if self.pattern.startswith("*."):
            return domain == self.pattern[2:] or domain.endswith(self.pattern[1:])
        return self.pattern in {EVERY_DOMAIN, domain}


def parse(text: str) -> AddressSpace:
    """Read `Type:Pattern;Cost`, where type and cost may be missing. Raises InvalidAddressSpace."""
    written = text.strip()
    kind, pattern = _type_and_rest(written)
    if ";" not in pattern:
        return _build(kind, pattern, DEFAULT_COST, written=written)
    pattern, _, cost = pattern.rpartition(";")
    if kind != SMTP and not _NUMBER.fullmatch(cost.strip()):
        raise InvalidAddressSpace(
            _FIELD, written, f"a {kind} address space that holds a semicolon needs its cost at the end"
        )
    return _build(kind, pattern, _cost(cost, written=written), written=written)


def build(*, type: str = SMTP, pattern: str, cost: int | str = DEFAULT_COST) -> AddressSpace:  # noqa: A002 - Exchange's word
    """Make an address space of its three parts, as a form has them. Raises InvalidAddressSpace."""
    number = _cost(str(cost), written=str(cost), field="cost")
    return _build(type.strip() or SMTP, pattern, number, written=pattern)


def _build(kind: str, pattern: str, cost: int, *, written: str) -> AddressSpace:
    if not _TYPE.fullmatch(kind):
        raise InvalidAddressSpace(_FIELD, kind, "a type is made of letters, digits and hyphens")
    if not MIN_COST <= cost <= MAX_COST:
        raise InvalidAddressSpace("cost", cost, f"a cost is a whole number from {MIN_COST} to {MAX_COST}")
    kind, pattern = kind.upper(), pattern.strip()
    try:
        return AddressSpace(kind, _CHECKS.get(kind, _any_text)(pattern), cost)
    except NotADomain as error:
        raise InvalidAddressSpace(_FIELD, written, str(error)) from error


def _type_and_rest(text: str) -> tuple[str, str]:
    kind, colon, rest = text.partition(":")
    return (kind.strip().upper(), rest) if colon else (SMTP, text)


def _cost(text: str, *, written: str, field: str = _FIELD) -> int:
    if not _NUMBER.fullmatch(text.strip()):
        raise InvalidAddressSpace(field, written, f"a cost is a whole number from {MIN_COST} to {MAX_COST}")
    return int(text)


def _smtp_pattern(text: str) -> str:
    _refuse_what_looks_like_one(text)
    if text == EVERY_DOMAIN:
        return text
    if text.startswith("*") and not text.startswith("*."):
        raise NotADomain("a wildcard needs a dot after it")
    wildcard, suffix = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    if "*" in suffix:
        raise NotADomain("a wildcard can only stand in front")
    pattern = wildcard + to_ascii(suffix)
    if pattern.rpartition(".")[2].isdigit():
        raise NotADomain("an IP address is not a domain")
    return pattern


def _refuse_what_looks_like_one(text: str) -> None:
    if not text:
        raise NotADomain("a domain is needed, or * for every domain")
    if text == "--":
        raise NotADomain("-- stands for the accepted domains and works on Edge Transport servers only")
    if "@" in text:
        raise NotADomain("an address space is a domain, not a mail address")


def _x400_pattern(text: str) -> str:
    parts = [part for part in _any_text(text).split(";") if part.strip()]
    if not parts or not all(_X400_PART.fullmatch(part.strip()) for part in parts):
        raise NotADomain("an X.400 address space reads like o=MySite;p=MyOrg;a=adatum;c=us")
    return text


def _any_text(text: str) -> str:
    if not text:
        raise NotADomain("a pattern is needed")
    if len(text) > MAX_PATTERN_CHARACTERS or not text.isprintable():
        raise NotADomain(f"a pattern has at most {MAX_PATTERN_CHARACTERS} printable characters")
    return text


_CHECKS = {SMTP: _smtp_pattern, "X400": _x400_pattern}
