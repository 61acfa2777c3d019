"""Whether TLSA records speak for the certificates of a host (RFC 6698, as RFC 7672 section 3 reads it)."""

import hashlib
import ssl
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from transport.cleaning import clean_text
from transport.host_policy import HostPolicy, TlsaRecord
from transport.smtp import certificates
from transport.smtp.errors import TlsaFailed

TRUST_ANCHOR, END_ENTITY = 2, 3
_CERTIFICATE, _AS_IT_IS = 0, 0
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_MAX_CHAIN = 10
_UNREADABLE = (
    ValueError,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
_DER = 2
"""`_ssl.ENCODING_DER`."""


def presented_chain(tls: ssl.SSLObject) -> list[bytes]:
    """Give the certificates that the host sent, its own first, as DER.

    Python has a public way to them from 3.13 on; before, the same list stands on the object below.
    """
    public: Any = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return list(public())
    hidden: Any = getattr(tls, "_sslobj", None)
    chain: list[Any] = hidden.get_unverified_chain() or []
    return [certificate.public_bytes(_DER) for certificate in chain]


def check(policy: HostPolicy, chain: Sequence[bytes]) -> None:
    """Raise TlsaFailed unless one of the policy's records speaks for the chain.

    DANE-EE (3) asks for the host's own certificate and nothing else, neither name nor date. DANE-TA (2) asks
    for an authority in the chain, and for a path to it that is valid now and for one of the policy's names.
    """
    if not chain or len(chain) > _MAX_CHAIN:
        raise TlsaFailed("The host shows no chain of certificates that can be checked")
    if any(record.usage == END_ENTITY and _matches(record, chain[0]) for record in policy.tlsa):
        return
    anchors = _anchors(policy.tlsa, chain)
    if not anchors:
        raise TlsaFailed("No TLSA record matches the certificate of the host")
    _verify(chain, anchors=anchors, names=policy.names)


def _matches(record: TlsaRecord, der: bytes) -> bool:
    selected = der if record.selector == _CERTIFICATE else certificates.public_key(der)
    digest = _DIGESTS.get(record.matching)
    return bool(selected) and (digest(selected).digest() if digest else selected) == record.data


def _anchors(records: Sequence[TlsaRecord], chain: Sequence[bytes]) -> list[bytes]:
    """Give the authorities that the records name; one that is published whole need not be sent."""
    authorities = [record for record in records if record.usage == TRUST_ANCHOR]
    sent = [der for der in chain[1:] if any(_matches(record, der) for record in authorities)]
    whole = [one.data for one in authorities if (one.selector, one.matching) == (_CERTIFICATE, _AS_IT_IS)]
    return [*sent, *whole]


def _verify(chain: Sequence[bytes], *, anchors: Sequence[bytes], names: Sequence[str]) -> None:
    try:
        leaf, *others = (x509.load_der_x509_certificate(der) for der in chain)
        store = Store([x509.load_der_x509_certificate(der) for der in anchors])
        name = _name_of(leaf, names=names)
        rules = PolicyBuilder().store(store).max_chain_depth(_MAX_CHAIN)
        rules = rules.extension_policies(ca_policy=_AUTHORITIES, ee_policy=_HOSTS)
        rules.build_server_verifier(x509.DNSName(name)).verify(leaf, others)
    except (VerificationError, *_UNREADABLE) as error:
        why = clean_text(str(error), limit=200)
        raise TlsaFailed(f"The certificate does not hold against the authority of TLSA: {why}") from error


def _name_of(leaf: x509.Certificate, *, names: Sequence[str]) -> str:
    """Give the one of `names` that the certificate is valid for."""
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    valid = found.get_values_for_type(x509.DNSName)
    for name in names:
        if certificates.is_valid_for(valid, host=name):
            return name
    raise TlsaFailed(f"The certificate is not valid for {' or '.join(names)}")


def _may_sign(_: Policy, _certificate: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("it is no authority's certificate")


def _may_sign_certificates(_: Policy, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("its key is not meant for signing certificates")


def _may_serve(_: Policy, _certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None) -> None:
    purposes = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if found is not None and not purposes & set(found):
        raise ValueError("it is not meant for servers")


_AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _may_sign)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
)
_HOSTS = (
    ExtensionPolicy.permit_all()
    .require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_serve)
)
"""RFC 5280 only: the stricter profile of the public web would shut out authorities of one's own."""
