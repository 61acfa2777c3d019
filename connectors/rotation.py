"""Brings stored passwords from old field keys to the newest one."""

import logging
from dataclasses import dataclass
from uuid import uuid4

from connectors import credentials
from connectors.models import Configuration, SendConnector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What `rotate_field_keys` did."""

    resealed: int
    unreadable: tuple[str, ...]
    """Names of connectors whose password no configured key opens."""


def rotate_field_keys() -> Rotation:
    """Seal every stored password with the newest key, row by row, so that it can be stopped and run again."""
    waiting = SendConnector.objects.exclude(sealed_password="").exclude(
        sealed_password__startswith=credentials.current_prefix()
    )
    resealed, unreadable = 0, []
    for connector in waiting.by_name():
        try:
            sealed = credentials.reseal(connector.sealed_password, guid=connector.guid)
        except credentials.CannotUnseal:
            unreadable.append(connector.name)
            continue
        # Only if nobody typed a new password meanwhile.
        resealed += SendConnector.objects.filter(
            pk=connector.pk, sealed_password=connector.sealed_password
        ).update(sealed_password=sealed)
    if resealed:
        Configuration.objects.update(stamp=uuid4())
    logger.info("field_keys_rotated resealed=%d unreadable=%d", resealed, len(unreadable))
    return Rotation(resealed=resealed, unreadable=tuple(unreadable))
