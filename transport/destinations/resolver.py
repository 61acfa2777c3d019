"""Asks DNS servers, remembers their answers for as long as they allow; sole user of dnspython.

Blocking: the worker runs it in a greenlet.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from transport.destinations.endpoints import Endpoint, parse_endpoint
from transport.host_policy import TlsaRecord

Record = TypeVar("Record")

DNS_PORT = 53
MAX_CNAMES = 8
MAX_CACHED_ANSWERS = 4096
"""Per list of DNS servers; an answer holds its whole response, some kilobytes."""
LONGEST_CACHED = timedelta(days=1)
LONGEST_CACHED_ABSENCE = timedelta(minutes=15)
"""Someone who has just repaired his zone should not wait for the hours that RFC 2308 allows."""
EDNS_PAYLOAD_BYTES = 1232
"""Fits into one unfragmented packet everywhere; more comes over TCP."""
SYSTEM_CONFIGURATION = Path("/etc/resolv.conf")


class LookupFailed(Exception):  # noqa: N818 -- says what happened, as DNSException's own tree does
    """No answer, or a useless one; its text says which servers were asked and what came back."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time of the monotonic clock, in seconds."""

    ends_at: float

    @classmethod
    def after(cls, limit: timedelta) -> "Deadline":
        """Set the deadline that ends `limit` from now."""
        return cls(time.monotonic() + limit.total_seconds())

    def at_most(self, limit: timedelta) -> "Deadline":
        """Take this deadline, or an earlier one `limit` from now."""
        return Deadline(min(self.ends_at, Deadline.after(limit).ends_at))

    @property
    def remaining(self) -> float:
        """Seconds, not below zero."""
        return max(0.0, self.ends_at - time.monotonic())


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Generic[Record]):
    """What the DNS says of one name and type."""

    records: tuple[Record, ...] = ()
    exists: bool = True
    """False when there is no such name."""
    name: str = ""
    """Where CNAMEs led, in lower case without final dot."""
    secure: bool = False
    """A validator that we trust has found every signature on the way to be good (RFC 4035 section 3.2.3)."""


class Resolver:
    """One list of DNS servers, asked in the listed order, the next one only when one does not answer."""

    def __init__(
        self, servers: tuple[Endpoint, ...], *, per_server: timedelta, validating: bool = False
    ) -> None:
        """With `validating`, each of the servers validates and its AD bit is trusted (`validation`)."""
        self._validating = validating
        self._dns = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._dns.nameservers = [
                dns.nameserver.Do53Nameserver(server.address, server.port) for server in servers
            ]
        self._dns.timeout = per_server.total_seconds()
        self._dns.use_edns(0, dns.flags.DO if validating else 0, EDNS_PAYLOAD_BYTES)
        if validating:
            self._dns.set_flags(dns.flags.RD | dns.flags.AD)
        self._dns.cache = _Cache(MAX_CACHED_ANSWERS)

    def mail_exchangers(self, name: str, *, deadline: Deadline) -> Answer[tuple[int, str]]:
        """Ask for (preference, name in lower case without final dot) of every MX; `.` stays `.`.

        Raises LookupFailed, as all of these do.
        """
        found = self._follow(name, dns.rdatatype.MX, deadline=deadline)
        return _read(found, lambda record: (record.preference, _bare(record.exchange)))

    def addresses(self, name: str, *, ipv6: bool, deadline: Deadline) -> Answer[str]:
        """Ask for the addresses of one family."""
        kind = dns.rdatatype.AAAA if ipv6 else dns.rdatatype.A
        return _read(self._follow(name, kind, deadline=deadline), lambda record: record.address)

    def texts(self, name: str, *, deadline: Deadline) -> Answer[bytes]:
        """Ask for the TXT records, the strings of each one joined."""
        found = self._follow(name, dns.rdatatype.TXT, deadline=deadline)
        return _read(found, lambda record: b"".join(record.strings))

    def tlsa(self, name: str, *, deadline: Deadline) -> Answer[TlsaRecord]:
        """Ask for the TLSA records, usable or not."""
        found = self._follow(name, dns.rdatatype.TLSA, deadline=deadline)
        return _read(
            found,
            lambda record: TlsaRecord(
                usage=record.usage, selector=record.selector, matching=record.mtype, data=record.cert
            ),
        )

    def alias(self, name: str, *, deadline: Deadline) -> Answer[str]:
        """Ask for the CNAME of a name, following none."""
        answer = self._ask(name, dns.rdatatype.CNAME, deadline=deadline)
        records = tuple(_bare(record.target) for record in answer.rrset or ()) if answer else ()
        return Answer(records=records, name=name, secure=answer is not None and self._is_secure(answer))

    def _follow(self, name: str, kind: dns.rdatatype.RdataType, *, deadline: Deadline) -> Answer[Any]:
        """Follow CNAMEs to the records, asking again where a server left the chain to us."""
        aliases, asked, secure = 0, name, True
        while (answer := self._ask(asked, kind, deadline=deadline)) is not None:
            secure = secure and self._is_secure(answer)
            aliases += len(answer.chaining_result.cnames)
            if aliases > MAX_CNAMES:
                raise LookupFailed(f"{kind.name} of {name}: more than {MAX_CNAMES} CNAMEs, or a loop of them")
            if answer.rrset is not None or not answer.chaining_result.cnames:
                records = tuple(answer.rrset or ())
                return Answer(records=records, name=_bare(answer.canonical_name), secure=secure)
            asked = answer.canonical_name.to_text()
        return Answer(exists=False, name=asked)

    def _is_secure(self, answer: dns.resolver.Answer) -> bool:
        return self._validating and bool(answer.response.flags & dns.flags.AD)

    def _ask(
        self, name: str, kind: dns.rdatatype.RdataType, *, deadline: Deadline
    ) -> dns.resolver.Answer | None:
        try:
            answer = self._dns.resolve(
                name, kind, search=False, raise_on_no_answer=False, lifetime=deadline.remaining
            )
        except (dns.resolver.NXDOMAIN, dns.name.NameTooLong):
            # Below a very long name there is no room for `_mta-sts` or `_25._tcp`: no such name can exist.
            return None
        except dns.exception.DNSException as error:
            raise LookupFailed(f"{kind.name} of {name}: {_explain(error)}") from error
        if _is_referral(answer):
            raise LookupFailed(f"{kind.name} of {name}: {answer.nameserver} does not resolve for this server")
        return answer


class _Cache(dns.resolver.LRUCache):
    """dnspython's cache, which trusts every TTL; this one does not."""

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        longest = LONGEST_CACHED_ABSENCE if value.rrset is None else LONGEST_CACHED
        value.expiration = min(value.expiration, time.time() + longest.total_seconds())
        super().put(key, value)


def _read(found: Answer[Any], read: Callable[[Any], Record]) -> Answer[Record]:
    return replace(found, records=tuple(map(read, found.records)))


def _bare(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _is_referral(answer: dns.resolver.Answer) -> bool:
    """Whether the server only said whom to ask: that is no proof of absence."""
    if answer.rrset is not None or answer.response.flags & dns.flags.AA:
        return False
    kinds = {records.rdtype for records in answer.response.authority}
    return dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds


def _explain(error: dns.exception.DNSException) -> str:
    """Which servers were asked and what became of it, one clause per server."""
    outcomes = {_shown(str(server)): _outcome(why) for server, _, _, why, _ in error.kwargs.get("errors", ())}
    if outcomes:
        return ", ".join(f"{server} {outcome}" for server, outcome in outcomes.items())
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "no time left to ask"
    return type(error).__name__


def _shown(server: str) -> str:
    """`Do53:192.0.2.1@53` as `192.0.2.1:53`."""
    address, _, port = server.removeprefix("Do53:").rpartition("@")
    return str(Endpoint(address=address, port=int(port)))


def _outcome(why: object) -> str:
    if isinstance(why, str):
        return f"answered {why}"
    if isinstance(why, dns.exception.Timeout):
        return "did not answer"
    if isinstance(why, dns.message.ChainTooLong):
        return "answered with a loop of CNAMEs"
    return f"gave no usable answer ({type(why).__name__})"


def resolver_for(servers: tuple[str, ...], *, per_server: timedelta, validating: bool = False) -> Resolver:
    """Get the resolver that all sessions of this process share for this list; empty means the system's.

    Raises LookupFailed when the list or the system's configuration cannot be used.
    """
    try:
        endpoints = tuple(parse_endpoint(server, default_port=DNS_PORT) for server in servers)
        return _shared(endpoints, per_server, validating, 0 if servers else _system_version())
    except (ValueError, dns.exception.DNSException) as error:
        raise LookupFailed(f"the list of DNS servers cannot be used: {error}") from error


@lru_cache(maxsize=64)
def _shared(
    servers: tuple[Endpoint, ...],
    per_server: timedelta,
    validating: bool,  # noqa: FBT001 - part of a key
    _version: int,
) -> Resolver:
    return Resolver(servers, per_server=per_server, validating=validating)


def _system_version() -> int:
    """Tell one state of the system's list of DNS servers from the next."""
    try:
        return SYSTEM_CONFIGURATION.stat().st_mtime_ns
    except OSError:
        return 0


def forget() -> None:
    """Drop every remembered answer of this process."""
    _shared.cache_clear()
