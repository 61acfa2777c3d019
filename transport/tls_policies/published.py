"""From a recipient domain and one of its hosts to what TLS there must prove: what a session asks."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from transport.cleaning import clean_text
from transport.destinations.forbidden import AddressRule
from transport.destinations.lookup import Limits, Lookup
from transport.destinations.names import a_label
from transport.destinations.resolver import LookupFailed
from transport.envelope import Host, Reply, Stage
from transport.host_policy import MTA_STS, NO_POLICY, HostPolicy
from transport.tls_policies import tlsa
from transport.tls_policies.discovery import Discovered, Discovery
from transport.tls_policies.mta_sts import Mode
from transport.tls_policies.policy_host import PolicyHost
from transport.tls_policies.store import PolicyStore

NO_VALIDATOR = "DANE is not looked for: no DNS server of this list is trusted to validate"


class HostRefused(Exception):  # noqa: N818 - it carries a reply, as a failed attempt does
    """The host must not be dialled now; the reply says why, and is always temporary."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.line)
        self.reply = reply


@dataclass(frozen=True, kw_only=True)
class PublishedPolicies:
    """The policies of one recipient domain, for one session. Looks nothing up before it is asked."""

    domain: str
    """As the recipient address has it."""
    dns_servers: tuple[str, ...]
    dane: bool
    validating: bool
    """`dns_servers` are validators that are trusted; without them there is no DANE."""
    mta_sts: bool
    policy_host: PolicyHost
    store: PolicyStore
    address_rule: AddressRule
    now: datetime
    limits: Limits = field(default_factory=Limits)

    def for_host(self, host: Host) -> HostPolicy:
        """Give what the domain demands of this host. DANE comes before MTA-STS. Raises HostRefused."""
        found = self._dane(host)
        if found is not None and found.tlsa:
            return found
        return self._mta_sts(host, below=found or NO_POLICY)

    def _dane(self, host: Host) -> HostPolicy | None:
        if not self.dane:
            return None
        if not self.validating:
            return HostPolicy(note=NO_VALIDATOR)
        if not host.tlsa_bases:
            return None
        try:
            return tlsa.policy_for(host, domain=a_label(self.domain), lookup=self._lookup())
        except LookupFailed as trouble:
            text = f"DANE: it cannot be known whether {host.name} has TLSA records: {trouble}"
            raise _refused(host, text, enhanced="4.7.324") from trouble

    def _mta_sts(self, host: Host, *, below: HostPolicy) -> HostPolicy:
        """Add MTA-STS to what DANE demands, which is TLS at most."""
        if not self.mta_sts or self.domain.startswith("["):
            return below
        if isinstance(self._discovered, LookupFailed):
            text = f"MTA-STS: it cannot be known whether {self.domain} has a policy: {self._discovered}"
            raise _refused(host, text, enhanced="4.4.0")
        policy, note = self._discovered.policy, self._discovered.note
        if policy is None or policy.mode is Mode.NONE:
            return _noted(below, note)
        if not policy.allows(host.name):
            text = f"the MTA-STS policy of {self.domain} does not list {host.name}"
            if policy.mode is Mode.ENFORCE:
                raise _refused(host, f"{text}: it is not dialled", enhanced="4.4.8")
            return _noted(below, f"{text}, and is in testing")
        if policy.mode is Mode.TESTING:
            return _noted(below, "the MTA-STS policy is in testing")
        demanded = HostPolicy(
            source=MTA_STS, required=True, verify=True, names=(host.name,), server_name=host.name
        )
        return _noted(demanded, below.note)

    @cached_property
    def _discovered(self) -> Discovered | LookupFailed:
        """Ask once for all hosts, also where there is no answer."""
        discovery = Discovery(
            lookup=self._lookup(), host=self.policy_host, store=self.store, address_rule=self.address_rule
        )
        try:
            return discovery.current(a_label(self.domain), now=self.now)
        except LookupFailed as trouble:
            return trouble

    def _lookup(self) -> Lookup:
        """Begin a search: its time runs from now, however long the hosts before took to fail."""
        return Lookup(self.dns_servers, limits=self.limits, validating=self.validating)


def _noted(policy: HostPolicy, note: str) -> HostPolicy:
    notes = "; ".join(filter(None, (policy.note, note)))
    return replace(policy, note=clean_text(notes, limit=200))


def _refused(host: Host, text: str, *, enhanced: str) -> HostRefused:
    return HostRefused(
        Reply(
            code=451,
            enhanced=enhanced,
            text=clean_text(text, limit=500),
            stage=Stage.DNS,
            host=host.name,
            remote=False,
        )
    )
