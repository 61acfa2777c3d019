"""Writes DKIM keys: made or brought along, enabled, rotated, removed; each change logged and announced."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors import credentials, signing_keys
from connectors.changes import announce, writing
from connectors.errors import InvalidValue, Missing
from connectors.models import DkimKey
from connectors.models.dkim_keys import MAX_SELECTOR_CHARACTERS
from connectors.signing_keys import DEFAULT_SIZE_BITS, Algorithm, SigningKey
from connectors.validators import fqdn

logger = logging.getLogger(__name__)
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


class NoSuchDkimKey(Missing):
    """The key was removed, or never was."""

    def __init__(self) -> None:
        super().__init__("DKIM key")


@dataclass(frozen=True, kw_only=True, slots=True)
class DkimKeySpec:
    """What is asked for when a key is made."""

    domain: str
    selector: str = ""
    """Empty: named after the day."""
    algorithm: Algorithm = Algorithm.RSA
    size_bits: int = DEFAULT_SIZE_BITS
    include_subdomains: bool = False


def create(spec: DkimKeySpec, *, actor: str, now: datetime, pem: str = "") -> DkimKey:
    """Make a key that does not sign yet; from `pem` when one is brought along, whatever algorithm it has.

    Raises InvalidValue.
    """
    domain = fqdn(spec.domain, field="domain")
    key = (
        signing_keys.read_pem(pem) if pem else signing_keys.generate(spec.algorithm, size_bits=spec.size_bits)
    )
    with writing() as configuration:
        selector = _selector(spec.selector, domain=domain, now=now)
        made = _store(
            key,
            DkimKey(domain=domain, selector=selector, include_subdomains=spec.include_subdomains),
            actor=actor,
            now=now,
        )
        announce(configuration)
        _log("dkim_key_created", made, actor=actor)
    return made


def rotate(key_id: int, *, actor: str, now: datetime, size_bits: int | None = None) -> DkimKey:
    """Make a key of the same kind under a new selector, beside the old one, which goes on signing.

    Raises NoSuchDkimKey, InvalidValue.
    """
    old = DkimKey.objects.filter(pk=key_id).first()
    if old is None:
        raise NoSuchDkimKey
    as_large = next(size for size in signing_keys.MADE_SIZES_BITS if size >= old.size_bits)
    spec = DkimKeySpec(
        domain=old.domain,
        algorithm=Algorithm(old.algorithm),
        size_bits=size_bits or as_large,
        include_subdomains=old.include_subdomains,
    )
    return create(spec, actor=actor, now=now)


def enable(key_id: int, *, actor: str, now: datetime) -> int:
    """Let a key sign, and its rival no more: the key of its domain that signs with this algorithm.

    Give 1, or 0 when it signs already. Raises NoSuchDkimKey.
    """
    with writing() as configuration:
        key = DkimKey.objects.select_for_update().filter(pk=key_id).first()
        if key is None:
            raise NoSuchDkimKey
        if key.enabled:
            return 0
        rivals = DkimKey.objects.filter(domain=key.domain, algorithm=key.algorithm, enabled=True)
        for rival in rivals:
            _log("dkim_key_disabled", rival, actor=actor)
        rivals.update(enabled=False, changed_by=actor, changed_at=now)
        DkimKey.objects.filter(pk=key.pk).update(enabled=True, changed_by=actor, changed_at=now)
        announce(configuration)
        _log("dkim_key_enabled", key, actor=actor)
    return 1


def disable(ids: Iterable[int], *, actor: str, now: datetime) -> int:
    """Let keys sign no more; give the number of those that did."""
    with writing() as configuration:
        keys = list(DkimKey.objects.filter(pk__in=list(ids), enabled=True))
        DkimKey.objects.filter(pk__in=[key.pk for key in keys]).update(
            enabled=False, changed_by=actor, changed_at=now
        )
        for key in keys:
            _log("dkim_key_disabled", key, actor=actor)
        if keys:
            announce(configuration)
    return len(keys)


def include_subdomains(key_id: int, *, included: bool, actor: str, now: datetime) -> int:
    """Set whether a key signs for subdomains, too; give the number of keys that this changed."""
    with writing() as configuration:
        changed = (
            DkimKey.objects.filter(pk=key_id)
            .exclude(include_subdomains=included)
            .update(include_subdomains=included, changed_by=actor, changed_at=now)
        )
        if changed:
            announce(configuration)
            _log("dkim_key_changed", DkimKey.objects.get(pk=key_id), actor=actor)
    return changed


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove keys for good; give the number of those that existed."""
    with writing() as configuration:
        keys = list(DkimKey.objects.filter(pk__in=list(ids)))
        for key in keys:
            _log("dkim_key_removed", key, actor=actor)
        DkimKey.objects.filter(pk__in=[key.pk for key in keys]).delete()
        if keys:
            announce(configuration)
    return len(keys)


def _selector(text: str, *, domain: str, now: datetime) -> str:
    """Check a selector, or choose one that was not used for this domain. Raises InvalidValue."""
    taken = set(DkimKey.objects.filter(domain=domain).values_list("selector", flat=True))
    if not text.strip():
        day = f"s{now:%Y%m%d}"
        more = (f"{day}-{number}" for number in range(2, len(taken) + 3))
        return next(one for one in (day, *more) if one not in taken)
    value = text.strip().lower()
    if len(value) > MAX_SELECTOR_CHARACTERS or not _SELECTOR.fullmatch(value):
        rule = f"a selector is made of letters, digits, hyphens and dots, {MAX_SELECTOR_CHARACTERS} at most"
        raise InvalidValue("selector", text, rule)
    if value in taken:
        raise InvalidValue("selector", text, f"{domain} has a key with this selector already")
    return value


def _store(key: SigningKey, row: DkimKey, *, actor: str, now: datetime) -> DkimKey:
    row.guid = uuid4()
    row.algorithm, row.size_bits, row.public_key = key.algorithm, key.size_bits, key.public_key
    row.sealed_private_key = credentials.seal(key.pem, guid=row.guid, owner=credentials.Owner.DKIM_KEY)
    row.created_by = row.changed_by = actor
    row.changed_at = now
    try:
        row.full_clean(exclude=["created_at"])
    except ValidationError as error:
        raise InvalidValue("domain", row.domain, "; ".join(error.messages)) from error
    row.save()
    return row


def _log(event: str, key: DkimKey, *, actor: str) -> None:
    """One line per write that was committed."""
    facts = {"domain": key.domain, "selector": key.selector, "algorithm": key.algorithm, "actor": actor}
    transaction.on_commit(lambda: logger.info(event, extra=facts))
