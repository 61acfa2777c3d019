"""Which connector carries a domain, and how: the one routing function, on the connectors as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db import connection

from connectors import credentials, plans, selection
from connectors.connector_rows import spec_of
from connectors.domains import a_label
from connectors.errors import ConnectorError
from connectors.models import SendConnector
from connectors.profiles import Credentials, DeliveryProfile
from connectors.selection import Choice, RoutingTable, Viewpoint
from connectors.signers import Signers, read_signers
from connectors.validators import MAX_MESSAGE_BYTES

__all__ = ["Routing", "UnusableConnector", "a_label", "current", "explain", "profile"]
_Key = tuple[object, ...]
"""Generation and stamp, as the database gives them."""


class UnusableConnector(ConnectorError):  # noqa: N818 - reads as a sentence where it is raised
    """Mail cannot take this connector until an administrator mends it; temporary, as far as mail goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Everything routing needs, as of one generation of the configuration."""

    generation: int
    table: RoutingTable
    profiles: Mapping[int, DeliveryProfile]
    """Of enabled connectors, by id, without passwords: `profile` gives one with its password."""
    source_servers: Mapping[int, tuple[str, ...]]
    """Names by connector id, enabled connectors only."""
    fits_all_bytes: int
    """A message up to this size is too large for no connector."""
    signers: Signers
    """Who signs the mail of which sender domain."""
    sealed: Mapping[int, tuple[UUID, str]] = field(repr=False)
    """(guid, sealed password) of enabled connectors that have one."""


_cached: dict[str, tuple[_Key, Routing]] = {}
"""The last routing that was read, at most one."""


def current() -> Routing:
    """Give the routing as it is now: one small query, and a full read only after a change."""
    key = _read_key()
    held = _cached.get("routing")
    if held is not None and held[0] == key:
        return held[1]
    return _read()


def profile(connector_id: int) -> DeliveryProfile | None:
    """Give the profile of an enabled connector with its password; None when there is none.

    Raises UnusableConnector when the password cannot be opened.
    """
    routing = current()
    found = routing.profiles.get(connector_id)
    if found is None or connector_id not in routing.sealed:
        return found
    guid, sealed = routing.sealed[connector_id]
    try:
        password = credentials.open_sealed(sealed, guid=guid)
    except credentials.CannotUnseal as error:
        raise UnusableConnector(f"Send connector {found.name}: {error} Type the password again.") from error
    username = found.credentials.username if found.credentials else ""
    return replace(found, credentials=Credentials(username=username, password=password))


def explain(domain: str, *, size_bytes: int, viewpoint: Viewpoint) -> Choice:
    """Choose for a domain as it was written, with the reason why every other connector lost."""
    candidates = current().table.candidates
    return selection.choose(candidates, domain=a_label(domain), size_bytes=size_bytes, viewpoint=viewpoint)


def _read() -> Routing:
    """Read until no change was committed meanwhile: half of one would send a password to the wrong host."""
    while True:
        key = _read_key()
        connectors = list(SendConnector.objects.with_parts().by_name())
        signers = read_signers()
        if _read_key() == key:
            break
    routing = _routing(connectors, signers, generation=int(str(key[0])))
    _cached["routing"] = (key, routing)
    return routing


def _read_key() -> _Key:
    """Read what changes with every write; no row: nothing was ever written.

    Asked for every batch of mail, and plain SQL costs a tenth of a queryset.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT generation, stamp FROM connectors_configuration")
        return tuple(cursor.fetchone() or (0, None))


def _routing(connectors: list[SendConnector], signers: Signers, *, generation: int) -> Routing:
    specs = {connector.pk: spec_of(connector) for connector in connectors}
    enabled = [connector for connector in connectors if connector.enabled]
    return Routing(
        generation=generation,
        table=RoutingTable(plans.candidate(number, spec) for number, spec in specs.items()),
        profiles={
            connector.pk: plans.profile(connector.pk, specs[connector.pk], version=connector.version)
            for connector in enabled
        },
        source_servers={connector.pk: specs[connector.pk].source_servers for connector in enabled},
        fits_all_bytes=min(
            (limit for connector in connectors if (limit := connector.max_message_bytes) is not None),
            default=MAX_MESSAGE_BYTES,
        ),
        signers=signers,
        sealed={
            connector.pk: (connector.guid, connector.sealed_password)
            for connector in enabled
            if connector.sealed_password
        },
    )
