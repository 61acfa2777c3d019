"""Which MTA-STS policy counts for a domain now: its record, what is remembered, what can be fetched."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transport.destinations.forbidden import AddressRule
from transport.destinations.lookup import Lookup
from transport.destinations.resolver import LookupFailed
from transport.tls_policies.mta_sts import InvalidPolicy, Policy, read_policy, read_record
from transport.tls_policies.policy_host import FetchFailed, PolicyHost
from transport.tls_policies.store import Entry, PolicyStore, one_at_a_time

REFRESH_AFTER = timedelta(days=1)
"""A policy is fetched anew although its id is the same, so that it does not run out (section 3.3)."""
TRY_AGAIN_AFTER = timedelta(minutes=5)
"""A policy host that failed is left alone for so long (section 3.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovered:
    """What counts now."""

    policy: Policy | None = None
    note: str = ""
    """Why a policy that seems to be there is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """Finds policies."""

    lookup: Lookup
    host: PolicyHost
    store: PolicyStore
    address_rule: AddressRule
    """For the policy host too: its domain may not send us where MX records may not."""

    def current(self, domain: str, *, now: datetime) -> Discovered:
        """Give the policy of a domain in A-labels.

        A policy that is remembered counts until its max_age is over, whatever becomes of record and host. One
        that was never seen and cannot be fetched counts for none, as section 3.3 demands. Raises
        LookupFailed when the record cannot be looked up and nothing is remembered: then it is not known
        whether there is a policy.
        """
        entry = self.store.read(domain)
        try:
            announced = read_record(self.lookup.texts(f"_mta-sts.{domain}"))
        except LookupFailed:
            if entry.valid_policy(now=now) is None:
                raise
            announced = None
        if announced is None or not _is_due(entry, announced=announced, now=now):
            return _known(entry, announced=announced, now=now)
        with one_at_a_time(domain):
            entry = self.store.read(domain)
            if _is_due(entry, announced=announced, now=now):
                entry = self._fetched(domain, entry, announced=announced, now=now)
                self.store.write(domain, entry)
        return _known(entry, announced=announced, now=now)

    def _fetched(self, domain: str, entry: Entry, *, announced: str, now: datetime) -> Entry:
        try:
            policy = read_policy(self._fetch(f"mta-sts.{domain}"))
        except (FetchFailed, InvalidPolicy) as failed:
            return replace(entry, tried_id=announced, tried_at=now, trouble=str(failed)[:300])
        return Entry(id=announced, policy=policy, fetched_at=now)

    def _fetch(self, name: str) -> bytes:
        addresses = self.lookup.addresses(name).addresses
        permitted = [address for address in addresses if not self.address_rule.objection(address)]
        if addresses and not permitted:
            what = self.address_rule.objection(addresses[0])
            raise FetchFailed(f"{name} is at {addresses[0]}, {what}, which is not dialled")
        if not permitted:
            raise FetchFailed(f"{name} has no address")
        return self.host.fetch(name, addresses=permitted)


def _is_due(entry: Entry, *, announced: str, now: datetime) -> bool:
    """Whether the policy host is to be asked."""
    if entry.tried_id == announced and timedelta() <= now - entry.tried_at < TRY_AGAIN_AFTER:
        return False
    policy = entry.valid_policy(now=now)
    if policy is None or entry.id != announced:
        return True
    return now - entry.fetched_at >= min(REFRESH_AFTER, policy.max_age / 2)


def _known(entry: Entry, *, announced: str | None, now: datetime) -> Discovered:
    policy = entry.valid_policy(now=now)
    if policy is None and announced is not None:
        return Discovered(note=f"the MTA-STS policy cannot be fetched: {entry.trouble}")
    return Discovered(policy=policy)
