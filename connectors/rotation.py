"""Brings stored passwords and private keys from old field keys to the newest one."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db.models import QuerySet

from connectors import credentials
from connectors.credentials import Owner
from connectors.models import Configuration, DkimKey, SendConnector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What `rotate_field_keys` did."""

    resealed: int
    unreadable: tuple[str, ...]
    """Names of connectors and DKIM keys whose secret no configured key opens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Secret:
    """One sealed text where it is stored."""

    name: str
    guid: UUID
    owner: Owner
    rows: "QuerySet[SendConnector] | QuerySet[DkimKey]"
    field: str
    sealed: str


def rotate_field_keys() -> Rotation:
    """Seal every stored secret with the newest key, row by row, so that it can be stopped and run again."""
    resealed, unreadable = 0, []
    for secret in _secrets():
        try:
            sealed = credentials.reseal(secret.sealed, guid=secret.guid, owner=secret.owner)
        except credentials.CannotUnseal:
            unreadable.append(secret.name)
            continue
        if sealed != secret.sealed:
            # Only if nobody typed a new password meanwhile.
            kept = secret.rows.filter(**{"guid": secret.guid, secret.field: secret.sealed})
            resealed += kept.update(**{secret.field: sealed})
    if resealed:
        Configuration.objects.update(stamp=uuid4())
    logger.info("field_keys_rotated", extra={"resealed": resealed, "unreadable": len(unreadable)})
    return Rotation(resealed=resealed, unreadable=tuple(unreadable))


def _secrets() -> Iterator[_Secret]:
    for connector in SendConnector.objects.exclude(sealed_password="").by_name():
        yield _Secret(
            name=connector.name,
            guid=connector.guid,
            owner=Owner.SEND_CONNECTOR,
            rows=SendConnector.objects.all(),
            field="sealed_password",
            sealed=connector.sealed_password,
        )
    for key in DkimKey.objects.by_domain():
        yield _Secret(
            name=f"DKIM key {key.identity}",
            guid=key.guid,
            owner=Owner.DKIM_KEY,
            rows=DkimKey.objects.all(),
            field="sealed_private_key",
            sealed=key.sealed_private_key,
        )
