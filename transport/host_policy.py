"""What the published policy of a recipient domain demands of TLS with one of its hosts: frozen values."""

from dataclasses import dataclass

DANE = "DANE"
MTA_STS = "MTA-STS"


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsaRecord:
    """One TLSA record that can be used for SMTP (RFC 7672 section 3.1)."""

    usage: int
    """2: DANE-TA, an authority; 3: DANE-EE, the host itself."""
    selector: int
    """0: the whole certificate, 1: its public key."""
    matching: int
    """0: as it is, 1: SHA-256, 2: SHA-512."""
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class HostPolicy:
    """MTA-STS (RFC 8461) or DANE (RFC 7672), beyond what the connector demands; by default nothing."""

    source: str = ""
    """`MTA-STS` or `DANE`; empty when nothing is demanded."""
    required: bool = False
    """Nothing goes on in the clear."""
    verify: bool = False
    """The certificate must come from an authority that the system trusts."""
    tlsa: tuple[TlsaRecord, ...] = ()
    """One of these must match; none are published, or usable, when it is empty."""
    names: tuple[str, ...] = ()
    """The certificate must be valid for one of these, unless a record of usage 3 matches it."""
    server_name: str = ""
    """What the handshake asks for (SNI); empty: the host."""
    note: str = ""
    """What an administrator should know of a policy that is not applied."""


NO_POLICY = HostPolicy()
