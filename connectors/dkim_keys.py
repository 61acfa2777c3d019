"""Writes DKIM keys: made or brought along, enabled, rotated, removed; each change logged and announced."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors import audit, credentials, signing_keys
from connectors.changes import announce, writing
from connectors.commands import Change, Settings, lost, made
from connectors.errors import InvalidValue, Missing
from connectors.models import DkimKey
from connectors.models.dkim_keys import MAX_SELECTOR_CHARACTERS
from connectors.signing_keys import DEFAULT_SIZE_BITS, Algorithm, SigningKey
from connectors.validators import fqdn

logger = logging.getLogger(__name__)
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
SET = "Set-DkimSigningConfig"


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


def _named(key_id: int, **_: object) -> str:
    """Who is meant by a call that was refused."""
    return str(DkimKey.objects.filter(pk=key_id).first() or "")


@audit.tells_refusals("New-DkimSigningConfig", named=lambda spec, **_: spec.domain)
def create(spec: DkimKeySpec, *, actor: str, now: datetime, pem: str = "") -> DkimKey:
    """Make a key that does not sign yet; from `pem` when one is brought along, whatever algorithm it has.

    Raises InvalidValue.
    """
    with writing() as configuration:
        key = _make(spec, actor=actor, now=now, pem=pem)
        announce(configuration)
        changes = [*made(_BLANK, _parameters_of(key, brought=bool(pem)))]
        if pem:
            changes.append(Change(name="PrivateKeyFile", new="changed", secret=True))
        audit.record("New-DkimSigningConfig", actor=actor, objects=[key.identity], changes=changes)
    return key


def _make(spec: DkimKeySpec, *, actor: str, now: datetime, pem: str) -> DkimKey:
    domain = fqdn(spec.domain, field="domain")
    key = (
        signing_keys.read_pem(pem) if pem else signing_keys.generate(spec.algorithm, size_bits=spec.size_bits)
    )
    selector = _selector(spec.selector, domain=domain, now=now)
    row = DkimKey(domain=domain, selector=selector, include_subdomains=spec.include_subdomains)
    stored = _store(key, row, actor=actor, now=now)
    _log("dkim_key_created", stored, actor=actor)
    return stored


@audit.tells_refusals("Rotate-DkimSigningConfig", named=_named)
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
    with writing() as configuration:
        key = _make(spec, actor=actor, now=now, pem="")
        announce(configuration)
        size = [Change(name="KeySize", old=old.size_bits, new=size_bits)] if size_bits else []
        audit.record("Rotate-DkimSigningConfig", actor=actor, objects=[old.identity], changes=size)
    return key


@audit.tells_refusals(SET, named=_named)
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
        switched = Change(name="Enabled", old=False, new=True)
        audit.record(SET, actor=actor, objects=[key.identity], changes=[switched])
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
            switched = Change(name="Enabled", old=True, new=False)
            audit.record(SET, actor=actor, objects=[key.identity], changes=[switched])
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
            key = DkimKey.objects.get(pk=key_id)
            _log("dkim_key_changed", key, actor=actor)
            widened = Change(name="IncludeSubdomains", old=not included, new=included)
            audit.record(SET, actor=actor, objects=[key.identity], changes=[widened])
    return changed


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove keys for good; give the number of those that existed."""
    with writing() as configuration:
        keys = list(DkimKey.objects.filter(pk__in=list(ids)))
        for key in keys:
            _log("dkim_key_removed", key, actor=actor)
            was = lost(_BLANK, _parameters_of(key))
            audit.record("Remove-DkimSigningConfig", actor=actor, objects=[key.identity], changes=was)
        DkimKey.objects.filter(pk__in=[key.pk for key in keys]).delete()
        if keys:
            announce(configuration)
    return len(keys)


_BLANK: Settings = {
    "Algorithm": Algorithm.RSA.value,
    "KeySize": DEFAULT_SIZE_BITS,
    "IncludeSubdomains": False,
}


def _parameters_of(key: DkimKey, *, brought: bool = False) -> Settings:
    """What the shell is told of a key; a key that was brought along has an algorithm and a size already."""
    kind: Settings = {} if brought else {"Algorithm": key.algorithm, "KeySize": key.size_bits}
    if key.algorithm != Algorithm.RSA:
        kind = {name: value for name, value in kind.items() if name != "KeySize"}
    named: Settings = {"DomainName": key.domain, "Selector": key.selector}
    return {**named, **kind, "IncludeSubdomains": key.include_subdomains}


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
