"""Writes the history of send connectors. Called by their services, in the transaction of the change."""

from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from connectors import spec_json
from connectors.models import ConnectorVersion, Deed
from connectors.specs import ConnectorSpec


def record(  # noqa: PLR0913 - each column by name
    guid: UUID,
    spec: ConnectorSpec,
    *,
    deed: Deed,
    actor: str,
    reason: str = "",
    password_changed: bool = False,
    reverted_to: int | None = None,
) -> None:
    """Write what a connector is from now on; call it while no other writer can (`changes.writing`)."""
    last = ConnectorVersion.objects.of(guid).aggregate(last=Max("number"))["last"]
    ConnectorVersion.objects.create(
        guid=guid,
        number=(last or 0) + 1,
        deed=deed,
        reverted_to=reverted_to,
        at=timezone.now(),
        author=actor,
        reason=reason,
        password_changed=password_changed,
        settings=spec_json.written(spec),
    )
