"""Asks DNS servers, remembers their answers for as long as they allow; sole user of dnspython.

Blocking: the worker runs it in a greenlet.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.nameserver
import dns.rdatatype
import dns.resolver

from transport.destinations.endpoints import Endpoint, parse_endpoint

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


class Resolver:
    """One list of DNS servers, asked in the listed order, the next one only when one does not answer."""

    def __init__(self, servers: tuple[Endpoint, ...], *, per_server: timedelta) -> None:
        self._dns = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._dns.nameservers = [
                dns.nameserver.Do53Nameserver(server.address, server.port) for server in servers
            ]
        self._dns.timeout = per_server.total_seconds()
        self._dns.use_edns(0, 0, EDNS_PAYLOAD_BYTES)
        self._dns.cache = _Cache(MAX_CACHED_ANSWERS)

    def mail_exchangers(self, name: str, *, deadline: Deadline) -> tuple[tuple[int, str], ...] | None:
        """Ask for (preference, name in lower case without final dot) of every MX; `.` stays `.`.

        Empty when the name has none, None when the name does not exist. Raises LookupFailed.
        """
        records = self._follow(name, dns.rdatatype.MX, deadline=deadline)
        if records is None:
            return None
        return tuple(
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower()) for record in records
        )

    def addresses(self, name: str, *, ipv6: bool, deadline: Deadline) -> tuple[str, ...] | None:
        """Ask for the addresses of one family; None when the name does not exist. Raises LookupFailed."""
        kind = dns.rdatatype.AAAA if ipv6 else dns.rdatatype.A
        records = self._follow(name, kind, deadline=deadline)
        return None if records is None else tuple(record.address for record in records)

    def _follow(
        self, name: str, kind: dns.rdatatype.RdataType, *, deadline: Deadline
    ) -> tuple[Any, ...] | None:
        """Follow CNAMEs to the records, asking again where a server left the chain to us."""
        aliases, asked = 0, name
        while (answer := self._ask(asked, kind, deadline=deadline)) is not None:
            aliases += len(answer.chaining_result.cnames)
            if aliases > MAX_CNAMES:
                raise LookupFailed(f"{kind.name} of {name}: more than {MAX_CNAMES} CNAMEs, or a loop of them")
            if answer.rrset is not None:
                return tuple(answer.rrset)
            if not answer.chaining_result.cnames:
                return ()
            asked = answer.canonical_name.to_text()
        return None

    def _ask(
        self, name: str, kind: dns.rdatatype.RdataType, *, deadline: Deadline
    ) -> dns.resolver.Answer | None:
        try:
            answer = self._dns.resolve(
                name, kind, search=False, raise_on_no_answer=False, lifetime=deadline.remaining
            )
        except dns.resolver.NXDOMAIN:
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


def resolver_for(servers: tuple[str, ...], *, per_server: timedelta) -> Resolver:
    """Get the resolver that all sessions of this process share for this list; empty means the system's.

    Raises LookupFailed when the list or the system's configuration cannot be used.
    """
    try:
        endpoints = tuple(parse_endpoint(server, default_port=DNS_PORT) for server in servers)
        return _shared(endpoints, per_server, 0 if servers else _system_version())
    except (ValueError, dns.exception.DNSException) as error:
        raise LookupFailed(f"the list of DNS servers cannot be used: {error}") from error


@lru_cache(maxsize=64)
def _shared(servers: tuple[Endpoint, ...], per_server: timedelta, _version: int) -> Resolver:
    return Resolver(servers, per_server=per_server)


def _system_version() -> int:
    """Tell one state of the system's list of DNS servers from the next."""
    try:
        return SYSTEM_CONFIGURATION.stat().st_mtime_ns
    except OSError:
        return 0


def forget() -> None:
    """Drop every remembered answer of this process."""
    _shared.cache_clear()
