"""What administrators changed lately."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from connectors.models import ReceiveConnector, SendConnector
from connectors.receive_services import FIRST_START

SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The last change of one connector."""

    at: datetime
    actor: str
    did: str
    """created or changed."""
    kind: str
    name: str
    send_connector_id: int
    """0: there is no page for it."""


def latest() -> Sequence[Change]:
    """Return the latest ones, the newest first."""
    found = [
        *_of(SendConnector.objects.all(), kind="send connector"),
        *_of(ReceiveConnector.objects.all(), kind="receive connector"),
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:SHOWN]


def _of(connectors: QuerySet[Any], *, kind: str) -> Iterator[Change]:
    # What the program made by itself is no change by a person.
    for one in connectors.exclude(changed_by__in=("", FIRST_START)).order_by("-changed_at")[:SHOWN]:
        yield Change(
            at=one.changed_at,
            actor=one.changed_by,
            did="created" if one.version == 1 else "changed",
            kind=kind,
            name=str(one),
            send_connector_id=one.pk if isinstance(one, SendConnector) else 0,
        )
