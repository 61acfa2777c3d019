"""What recipient domains publish about TLS with their hosts: MTA-STS (RFC 8461) and DANE (RFC 7672)."""

from transport.tls_policies.policy_host import PolicyHost
from transport.tls_policies.published import HostRefused, PublishedPolicies
from transport.tls_policies.store import PolicyStore

__all__ = ["HostRefused", "PolicyHost", "PolicyStore", "PublishedPolicies"]
