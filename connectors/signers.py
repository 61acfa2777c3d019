"""The keys that sign mail, by sender domain, as the engine sees them."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from connectors import credentials, signing_keys
from connectors.errors import ConnectorError
from connectors.models import DkimKey
from connectors.signing_keys import Algorithm, SigningKey

logger = logging.getLogger(__name__)


class UnusableKey(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """The private key cannot be opened; mail goes without its signature until an administrator mends it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """One enabled key."""

    domain: str
    selector: str
    algorithm: Algorithm
    guid: UUID
    sealed_private_key: str = field(repr=False)

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; the key is opened once in a process. Raises UnusableKey."""
        return _opened(self.guid, self.sealed_private_key).sign(digest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signers:
    """All enabled keys by domain; of a domain there may be one for each algorithm."""

    by_domain: Mapping[str, tuple[Signer, ...]]
    with_subdomains: Mapping[str, tuple[Signer, ...]]
    """Those that also sign for subdomains."""

    def __bool__(self) -> bool:
        return bool(self.by_domain)

    def of(self, domain: str) -> tuple[Signer, ...]:
        """Who signs for an author domain in lower case A-labels; the nearest domain with a key wins."""
        found = self.by_domain.get(domain, ())
        while not found and self.with_subdomains and domain:
            domain = domain.partition(".")[2]
            found = self.with_subdomains.get(domain, ())
        return found


def read_signers() -> Signers:
    """Read the enabled keys, without opening any."""
    return _signers(DkimKey.objects.filter(enabled=True).by_domain())


def _signers(keys: Iterable[DkimKey]) -> Signers:
    by_domain: dict[str, tuple[Signer, ...]] = {}
    with_subdomains: dict[str, tuple[Signer, ...]] = {}
    for key in keys:
        signer = _signer(key)
        by_domain[key.domain] = (*by_domain.get(key.domain, ()), signer)
        if key.include_subdomains:
            with_subdomains[key.domain] = (*with_subdomains.get(key.domain, ()), signer)
    return Signers(by_domain=by_domain, with_subdomains=with_subdomains)


def _signer(key: DkimKey) -> Signer:
    return Signer(
        domain=key.domain,
        selector=key.selector,
        algorithm=Algorithm(key.algorithm),
        guid=key.guid,
        sealed_private_key=key.sealed_private_key,
    )


@lru_cache(maxsize=256)
def _opened(guid: UUID, sealed: str) -> SigningKey:
    try:
        return signing_keys.read_pem(
            credentials.open_sealed(sealed, guid=guid, owner=credentials.Owner.DKIM_KEY)
        )
    except ConnectorError as error:
        raise UnusableKey("no configured field key opens the stored private key") from error
