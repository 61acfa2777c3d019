"""Writes send connectors: each change checked, in one transaction, logged, and told to every process."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors import audit, connector_checks, connector_rows, send_parameters, versions
from connectors.changes import announce_routing, writing
from connectors.commands import Change, compared, lost
from connectors.connector_checks import InvalidConnector
from connectors.connector_rows import spec_of
from connectors.errors import Conflict, Missing, Problem
from connectors.models import Configuration, ConnectorVersion, Deed, SendConnector
from connectors.specs import ConnectorSpec

__all__ = [
    "InvalidConnector",
    "NoSuchConnector",
    "NoSuchVersion",
    "change",
    "create",
    "disable",
    "enable",
    "examine",
    "remove",
    "revert",
    "spec_of",
    "specs",
]
logger = logging.getLogger(__name__)


class NoSuchConnector(Missing):
    """The send connector was removed, or never was."""

    def __init__(self) -> None:
        super().__init__("send connector")


class NoSuchVersion(Missing):
    """The history of the send connector has no version of this number."""

    def __init__(self) -> None:
        super().__init__("version")


def _named(connector_id: int, *_: object, **__: object) -> str:
    """Who is meant by a call that was refused."""
    return SendConnector.objects.filter(pk=connector_id).values_list("name", flat=True).first() or ""


@audit.tells_refusals("New-SendConnector", named=lambda spec, **_: spec.name)
def create(spec: ConnectorSpec, *, guid: UUID, actor: str, reason: str = "") -> SendConnector:
    """Make a connector, exactly one per guid: a second call with the same guid gives the first one back.

    `guid` is the one that the password was sealed for. Raises InvalidConnector.
    """
    with writing() as configuration:
        existing = SendConnector.objects.filter(guid=guid).first()
        if existing is not None:
            return existing
        why = connector_checks.reason(reason)
        checked = connector_checks.check(spec, guid=guid, connector_id=None)
        connector = SendConnector(guid=guid, created_by=actor)
        _write(connector, checked, actor=actor)
        announce_routing(configuration)
        _log("connector_created", connector, actor=actor)
        typed = bool(checked.sealed_password)
        versions.record(guid, checked, deed=Deed.CREATED, actor=actor, reason=why, password_changed=typed)
        made = send_parameters.to_make(checked)
        audit.record("New-SendConnector", actor=actor, objects=[connector.name], changes=made)
    return connector


def specs() -> dict[int, ConnectorSpec]:
    """Give the settings of all connectors, by id, without their passwords."""
    return {connector.pk: spec_of(connector) for connector in SendConnector.objects.with_parts()}


def examine(connector_id: int, spec: ConnectorSpec, *, expected_version: int | None) -> ConnectorSpec:
    """Give what `change` would store, and store nothing. Raises what `change` raises."""
    with transaction.atomic():
        connector = _stored(connector_id, expected_version=expected_version)
        guid, number = connector.guid, connector.pk
        return connector_checks.check(spec, guid=guid, connector_id=number, stored=_whole(connector))


@audit.tells_refusals("Set-SendConnector", named=_named)
def change(
    connector_id: int,
    spec: ConnectorSpec,
    *,
    actor: str,
    expected_version: int | None,
    reason: str = "",
) -> SendConnector:
    """Replace the settings of a connector; an empty `sealed_password` keeps the stored one.

    Changing the smart hosts, the port or the TLS settings clears the stored password, because it would go to
    a place that nobody typed it for: basic authentication then needs it anew. Its history keeps
    the `reason`.
    Raises NoSuchConnector, Conflict when `expected_version` is not the stored one, InvalidConnector.
    """
    with writing() as configuration:
        connector = _stored(connector_id, expected_version=expected_version)
        _replace(configuration, connector, spec, actor=actor, deed=Deed.CHANGED, reason=reason)
    return connector


@audit.tells_refusals("Set-SendConnector", named=_named)
def revert(  # noqa: PLR0913 - what `change` takes, and the number
    connector_id: int,
    number: int,
    *,
    actor: str,
    expected_version: int | None,
    sealed_password: str = "",
    reason: str = "",
) -> SendConnector:
    """Give a connector the settings again that it had in a version of its history, by the rules of `change`.

    Raises NoSuchVersion, and what `change` raises.
    """
    with writing() as configuration:
        connector = _stored(connector_id, expected_version=expected_version)
        version = ConnectorVersion.objects.of(connector.guid).filter(number=number).first()
        if version is None:
            raise NoSuchVersion
        spec = replace(version.spec, sealed_password=sealed_password)
        deed = Deed.REVERTED
        _replace(configuration, connector, spec, actor=actor, deed=deed, reason=reason, to=number)
    return connector


def enable(ids: Iterable[int], *, actor: str, reason: str = "") -> int:
    """Enable connectors; give the number of those that were disabled. Raises InvalidConnector."""
    return _set_enabled(ids, to=True, actor=actor, reason=connector_checks.reason(reason))


def disable(ids: Iterable[int], *, actor: str, reason: str = "") -> int:
    """Disable connectors; give the number of those that were enabled. Raises InvalidConnector."""
    return _set_enabled(ids, to=False, actor=actor, reason=connector_checks.reason(reason))


def remove(ids: Iterable[int], *, actor: str, reason: str = "") -> int:
    """Remove connectors with their passwords; give the number of those that existed. Their history stays.

    Raises InvalidConnector for the reason alone.
    """
    why = connector_checks.reason(reason)
    with writing() as configuration:
        connectors = list(SendConnector.objects.with_parts().filter(pk__in=list(ids)))
        for connector in connectors:
            _log("connector_removed", connector, actor=actor)
            spec = spec_of(connector)
            dropped = bool(connector.sealed_password)
            versions.record(
                connector.guid, spec, deed=Deed.REMOVED, actor=actor, reason=why, password_changed=dropped
            )
            was = lost(send_parameters.blank(spec), send_parameters.settings_of(spec))
            audit.record("Remove-SendConnector", actor=actor, objects=[connector.name], changes=was)
        SendConnector.objects.filter(pk__in=[connector.pk for connector in connectors]).delete()
        if connectors:
            announce_routing(configuration)
    return len(connectors)


def _stored(connector_id: int, *, expected_version: int | None) -> SendConnector:
    """Read the connector that is to be changed. Raises NoSuchConnector, Conflict."""
    connector = SendConnector.objects.select_for_update().filter(pk=connector_id).first()
    if connector is None:
        raise NoSuchConnector
    if expected_version is not None and connector.version != expected_version:
        raise Conflict(
            connector.name, by=connector.changed_by, at=connector.changed_at, version=connector.version
        )
    return connector


def _replace(  # noqa: PLR0913 - one change, with all that is kept of it
    configuration: Configuration,
    connector: SendConnector,
    spec: ConnectorSpec,
    *,
    actor: str,
    deed: Deed,
    reason: str,
    to: int | None = None,
) -> None:
    """Write what differs, if anything does. Raises InvalidConnector."""
    why = connector_checks.reason(reason)
    stored = _whole(connector)
    checked = connector_checks.check(spec, guid=connector.guid, connector_id=connector.pk, stored=stored)
    if checked == stored:
        return
    connector.version += 1
    _write(connector, checked, actor=actor)
    announce_routing(configuration)
    _log("connector_changed", connector, actor=actor)
    typed = checked.sealed_password != stored.sealed_password
    versions.record(
        connector.guid,
        checked,
        deed=deed,
        actor=actor,
        reason=why,
        password_changed=typed,
        reverted_to=to,
    )
    settings = map(send_parameters.settings_of, (stored, checked))
    changes = compared(*settings, fixed=send_parameters.FIXED)
    audit.record("Set-SendConnector", actor=actor, objects=[stored.name], changes=changes)


def _whole(connector: SendConnector) -> ConnectorSpec:
    return replace(spec_of(connector), sealed_password=connector.sealed_password)


def _write(connector: SendConnector, spec: ConnectorSpec, *, actor: str) -> None:
    try:
        connector_rows.write(connector, spec, actor=actor)
    except ValidationError as error:
        raise InvalidConnector(Problem("connector", "", rule) for rule in error.messages) from error


def _set_enabled(ids: Iterable[int], *, to: bool, actor: str, reason: str) -> int:
    with writing() as configuration:
        found = SendConnector.objects.with_parts().filter(pk__in=list(ids), enabled=not to)
        connectors = list(found)
        SendConnector.objects.filter(pk__in=[connector.pk for connector in connectors]).update(
            enabled=to, version=F("version") + 1, changed_by=actor, changed_at=timezone.now()
        )
        for connector in connectors:
            _tell_switched(connector, to=to, actor=actor, reason=reason)
        if connectors:
            announce_routing(configuration)
    return len(connectors)


def _tell_switched(connector: SendConnector, *, to: bool, actor: str, reason: str) -> None:
    connector.version += 1
    _log("connector_enabled" if to else "connector_disabled", connector, actor=actor)
    spec, deed = replace(spec_of(connector), enabled=to), Deed.ENABLED if to else Deed.DISABLED
    versions.record(connector.guid, spec, deed=deed, actor=actor, reason=reason)
    switched = Change(name="Enabled", old=not to, new=to)
    audit.record("Set-SendConnector", actor=actor, objects=[connector.name], changes=[switched])


def _log(event: str, connector: SendConnector, *, actor: str) -> None:
    """One line per write that was committed."""
    facts = {"connector_id": connector.pk, "version": connector.version, "connector": connector.name}
    transaction.on_commit(lambda: logger.info(event, extra=facts | {"actor": actor}))
