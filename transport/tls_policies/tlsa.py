"""Which TLSA records count for a host (RFC 6698, RFC 7672 sections 2 and 3.1)."""

from transport.destinations.lookup import Lookup
from transport.envelope import Host
from transport.host_policy import DANE, HostPolicy, TlsaRecord

_USAGES = frozenset({2, 3})
"""DANE-TA and DANE-EE; the PKIX ones name authorities that mail servers do not agree on (section 3.1.3)."""
_SELECTORS = frozenset({0, 1})
_DIGEST_BYTES = {1: 32, 2: 64}


def policy_for(host: Host, *, domain: str, lookup: Lookup) -> HostPolicy | None:
    """Give what DANE demands of a host; None when it publishes nothing that DNSSEC proves.

    Records that cannot be used still demand TLS, without a check of the certificate. Raises LookupFailed when
    it is not known whether there are records: then the host must not be dialled.
    """
    for base in host.tlsa_bases:
        answer = lookup.tlsa(f"_{host.port}._tcp.{base}")
        if not answer.records or not answer.secure:
            continue
        usable = tuple(record for record in answer.records if _is_usable(record))
        names = tuple(dict.fromkeys((base, host.name, domain))) if usable else ()
        return HostPolicy(source=DANE, required=True, tlsa=usable, names=names, server_name=base)
    return None


def _is_usable(record: TlsaRecord) -> bool:
    if record.usage not in _USAGES or record.selector not in _SELECTORS:
        return False
    if record.matching == 0:
        return bool(record.data)
    return len(record.data) == _DIGEST_BYTES.get(record.matching)
