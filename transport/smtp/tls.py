"""STARTTLS: what a policy demands, and the layer that turns plain bytes into records and back.

The layer never touches a socket: so the deadlines of `wire` hold inside the handshake too, and it works the
same under gevent.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connectors.profiles import SmartHostAuth, TlsAuthLevel, TlsPolicy
from transport.certificate_store import StoredCertificate, no_password
from transport.cleaning import clean_text
from transport.host_policy import DANE, NO_POLICY, HostPolicy
from transport.smtp import certificates, dane
from transport.smtp.errors import HungUp, TlsFailed

_RECORD_BYTES = 16 * 1024
_AFTER_TLS = (SmartHostAuth.BASIC_REQUIRE_TLS, SmartHostAuth.XOAUTH2)


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFacts:
    """What an encrypted session can say for itself."""

    version: str
    """`TLSv1.3`"""
    cipher: str
    subject: str
    """Subject of the host's certificate; verified or not."""
    verified: bool
    """The chain, and the name where one was demanded, were checked."""
    certificate: bytes = b""
    """The host's certificate as DER."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsDemand:
    """A policy applied to one host."""

    wanted: bool
    """STARTTLS is used when offered."""
    required: bool
    """Nothing goes on in the clear."""
    verify: bool = False
    """The certificate must come from a trusted authority."""
    verify_name: bool = False
    name: str = ""
    """What the certificate must be valid for under `verify_name`."""
    published: HostPolicy = NO_POLICY
    """What the recipient domain demands, in addition."""
    certificate: StoredCertificate | None = None
    """What we show when we are asked for one."""
    source: str = "opportunistic"
    """Whose demands these are, for the record."""

    def blame(self, text: str) -> str:
        """Add to what went wrong who does not put up with it, where that is the recipient domain."""
        if not self.published.required:
            return text
        return f"{text} ({self.published.source} of the recipient domain forbids delivery)"

    @property
    def missing_code(self) -> str:
        """The status where a host offers no STARTTLS; under DANE it is Exchange Online's (exchange.md 11)."""
        return "4.7.321" if self.published.source == DANE else "4.7.0"


def demand(
    policy: TlsPolicy, *, auth: SmartHostAuth, tls_name: str, published: HostPolicy = NO_POLICY
) -> TlsDemand:
    """Return what a session must reach. Opportunistic by default (RFC 7435).

    `tls_name` is the recipient domain for MX delivery, the smart host as configured otherwise.
    BasicAuthRequireTLS and XOAUTH2 demand a certificate for the smart host before the secret is sent;
    TlsDomain, where DomainValidation names one, is the administrator's own word and comes first. What the
    recipient domain has published adds to all this and takes nothing away.
    """
    level = policy.auth_level
    secret = auth in _AFTER_TLS
    required = policy.require or level is not None or secret or published.required
    named = level is TlsAuthLevel.DOMAIN_VALIDATION
    return TlsDemand(
        wanted=not policy.ignore,
        required=required,
        verify=secret
        or published.verify
        or level in {TlsAuthLevel.CERTIFICATE_VALIDATION, TlsAuthLevel.DOMAIN_VALIDATION},
        verify_name=secret or named,
        name=(policy.domain if named else "") or tls_name,
        published=published,
        source=_source(policy, auth=auth, published=published),
    )


def _source(policy: TlsPolicy, *, auth: SmartHostAuth, published: HostPolicy) -> str:
    """Say who demands what, in Exchange's words: `DANE and RequireTLS`, `opportunistic`."""
    own = "RequireTLS" if policy.require else ""
    if policy.auth_level is not None:
        own = f"{policy.auth_level} for {policy.domain}" if policy.domain else str(policy.auth_level)
    if policy.ignore:
        own = "IgnoreSTARTTLS"
    login = str(auth) if auth in _AFTER_TLS else ""
    words = " and ".join(filter(None, (published.source, own, login))) or "opportunistic"
    return f"{words}; {published.note}" if published.note else words


def layer(demanded: TlsDemand, *, host_name: str, ca_file: str | None) -> "TlsLayer":
    """Return the layer for one connection.

    The name that must be proven is also the one asked for (SNI), so a host with many certificates can show
    the right one. Raises TlsFailed when there is no such name.
    """
    if demanded.verify_name and not demanded.name:
        raise TlsFailed("There is no name that the certificate of the host could be checked against")
    published = demanded.published
    try:
        context = _context(
            verify=demanded.verify,
            verify_name=demanded.verify_name,
            strong=demanded.verify or bool(published.tlsa),
            ca_file=ca_file,
            certificate=demanded.certificate,
            stamp=demanded.certificate.stamp if demanded.certificate else None,
        )
    except OSError as error:
        raise TlsFailed("The certificates of the trusted authorities cannot be read") from error
    name = demanded.name if demanded.verify_name else published.server_name or host_name
    try:
        return TlsLayer(context, name=name, published=published)
    except (ValueError, TypeError, ssl.SSLError) as error:
        if demanded.verify_name:
            raise TlsFailed(f"No certificate can be valid for {clean_text(name, limit=255)!r}") from error
        return TlsLayer(context, name=None, published=published)


@lru_cache(maxsize=16)
def _context(  # noqa: PLR0913 - what one context differs in from another
    *,
    verify: bool,
    verify_name: bool,
    strong: bool,
    ca_file: str | None,
    certificate: StoredCertificate | None,
    stamp: object,
) -> ssl.SSLContext:
    """Loading the trusted authorities takes longer than a handshake: one context serves all sessions.

    A certificate that was renewed has another `stamp`, and gets another context.
    """
    del stamp
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = verify_name
    if not strong:
        # A short key exchange is better than the clear text that would follow a refused handshake.
        context.set_ciphers("DEFAULT:@SECLEVEL=1")
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is not None:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs()
    if certificate is not None:
        context.load_cert_chain(certificate.certificate, certificate.key, password=no_password)
    return context


class TlsLayer:
    """One TLS session over bytes that somebody else carries."""

    __slots__ = ("_incoming", "_outgoing", "_published", "_tls", "_verified")

    def __init__(
        self, context: ssl.SSLContext, *, name: str | None, published: HostPolicy = NO_POLICY
    ) -> None:
        self._published = published
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._verified = context.verify_mode == ssl.CERT_REQUIRED
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def shake_hands(self, received: bytes) -> bool:
        """Take one step; return whether the handshake is complete. Raises TlsFailed."""
        self._incoming.write(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise TlsFailed(f"Certificate validation failed: {_reason(error.verify_message)}") from error
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS negotiation failed: {_reason(error.reason)}") from error
        self._check_published()
        return True

    def _check_published(self) -> None:
        """Hold what the host has shown against the policy of the recipient domain. Raises TlsFailed."""
        policy = self._published
        if policy.tlsa:
            dane.check(policy, dane.presented_chain(self._tls))
            self._verified = True
        elif policy.names:
            names = _dns_names(self._tls)
            if not any(certificates.is_valid_for(names, host=name) for name in policy.names):
                raise TlsFailed(f"The certificate is not valid for {policy.names[0]}")

    def take_outgoing(self) -> bytes:
        """Return what must go out now, also after reading."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return the records that carry `data`. Raises TlsFailed."""
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS broke off: {_reason(error.reason)}") from error
        return self._outgoing.read()

    def decrypt(self, received: bytes) -> bytes:
        """Return the plain bytes of the records that are complete. Raises HungUp and TlsFailed."""
        self._incoming.write(received)
        plain: list[bytes] = []
        try:
            # To ask when nothing is left costs an exception, once a reply.
            while self._incoming.pending or self._tls.pending():
                part = self._tls.read(_RECORD_BYTES)
                if not part:
                    break
                plain.append(part)
        except ssl.SSLWantReadError:
            return b"".join(plain)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS broke off: {_reason(error.reason)}") from error
        if not plain:
            raise HungUp("Connection dropped: the host ended TLS")
        return b"".join(plain)

    def say_goodbye(self) -> bytes:
        """Return the close_notify alert, as far as there is one to send."""
        # Nobody waits for the other side's alert.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._outgoing.read()

    @property
    def facts(self) -> TlsFacts:
        """Valid after the handshake."""
        cipher = self._tls.cipher()
        certificate = self._tls.getpeercert(binary_form=True) or b""
        return TlsFacts(
            version=self._tls.version() or "",
            cipher=cipher[0] if cipher else "",
            subject=certificates.subject(certificate),
            verified=self._verified,
            certificate=certificate,
        )


def _dns_names(tls: ssl.SSLObject) -> list[str]:
    """Give the DNS names of a certificate whose chain was verified; the common name is none."""
    certificate: Mapping[str, Any] = tls.getpeercert() or {}
    return [name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]


def _reason(text: str | None) -> str:
    return clean_text(text or "unknown reason", limit=200).replace("_", " ").lower()
