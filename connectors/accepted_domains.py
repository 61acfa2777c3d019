"""For which domains mail from strangers is taken in (accepted domains), and how one is found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors.domains import NotADomain, a_label, to_ascii
from connectors.errors import InvalidValue


class DomainType(StrEnum):
    """DomainType of New-AcceptedDomain; the values are Exchange's."""

    AUTHORITATIVE = "Authoritative"
    """Ours alone. There are no mailboxes here, so its mail is taken only if a send connector carries the
    domain by name; otherwise there is no such recipient. It never goes out by `*`, back to ourselves."""
    INTERNAL_RELAY = "InternalRelay"
    """Ours, with mailboxes elsewhere: taken, and routed by any send connector."""
    EXTERNAL_RELAY = "ExternalRelay"
    """Somebody else's, whose mail we pass on: taken, and routed by any send connector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedDomain:
    """One accepted domain."""

    name: str
    pattern: str
    """A-labels in lower case: a domain, or `*.suffix` for every domain below it."""
    type: DomainType = DomainType.AUTHORITATIVE
    default: bool = False
    """It completes `postmaster` without a domain (RFC 5321 section 4.5.1)."""
    routable: bool = True
    """Whether a send connector carries its mail as the type asks."""


class AcceptedDomains:
    """Finds the accepted domain of an address: a domain before `*.suffix`, the longest suffix first."""

    def __init__(self, domains: Iterable[AcceptedDomain] = ()) -> None:
        self._by_pattern = {domain.pattern: domain for domain in domains}
        self.default = next((one for one in self._by_pattern.values() if one.default), None)

    def find(self, domain: str) -> AcceptedDomain | None:
        """Give the accepted domain that a domain lies in, however it was written; None for others."""
        if not self._by_pattern:
            return None
        wanted = a_label(domain)
        found = self._by_pattern.get(wanted)
        while found is None and "." in wanted:
            wanted = wanted.partition(".")[2]
            found = self._by_pattern.get(f"*.{wanted}")
        return found


def parse_pattern(text: str) -> str:
    """Read a domain or `*.suffix`, in stored form. Raises InvalidValue.

    `*` is refused: every anonymous client could then relay to everybody.
    """
    written = text.strip()
    wildcard, suffix = ("*.", written[2:]) if written.startswith("*.") else ("", written)
    if suffix in {"", "*"} or "*" in suffix:
        raise InvalidValue("domain", written, "an accepted domain is a domain, or *.domain for all below it")
    try:
        domain = to_ascii(suffix)
    except NotADomain as error:
        raise InvalidValue("domain", written, str(error)) from error
    if "." not in domain or domain.rpartition(".")[2].isdigit():
        raise InvalidValue("domain", written, "an accepted domain has at least one dot and is no IP address")
    return wildcard + domain
