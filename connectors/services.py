"""Writes send connectors: each change checked, in one transaction, logged, and told to every process."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors import audit, credentials, rules, send_parameters
from connectors.changes import announce_routing, writing
from connectors.commands import Change, compared, lost
from connectors.errors import Conflict, InvalidSettings, Missing, Problem
from connectors.models import AddressSpaceRow, SendConnector, SmartHost, SourceServer
from connectors.profiles import Delivery, IpFamily, SmartHostAuth, TlsAuthLevel
from connectors.specs import ConnectorSpec, Usage
from connectors.validators import name_key

logger = logging.getLogger(__name__)


class InvalidConnector(InvalidSettings):
    """The send connector is refused."""


class NoSuchConnector(Missing):
    """The send connector was removed, or never was."""

    def __init__(self) -> None:
        super().__init__("send connector")


def _named(connector_id: int, *_: object, **__: object) -> str:
    """Who is meant by a call that was refused."""
    return SendConnector.objects.filter(pk=connector_id).values_list("name", flat=True).first() or ""


@audit.tells_refusals("New-SendConnector", named=lambda spec, **_: spec.name)
def create(spec: ConnectorSpec, *, guid: UUID, actor: str) -> SendConnector:
    """Make a connector, exactly one per guid: a second call with the same guid gives the first one back.

    `guid` is the one that the password was sealed for. Raises InvalidConnector.
    """
    with writing() as configuration:
        existing = SendConnector.objects.filter(guid=guid).first()
        if existing is not None:
            return existing
        checked = _checked(spec, guid=guid, connector_id=None)
        connector = SendConnector(guid=guid, created_by=actor)
        _write(connector, checked, actor=actor)
        announce_routing(configuration)
        _log("connector_created", connector, actor=actor)
        made = send_parameters.to_make(checked)
        audit.record("New-SendConnector", actor=actor, objects=[connector.name], changes=made)
    return connector


@audit.tells_refusals("Set-SendConnector", named=_named)
def change(
    connector_id: int, spec: ConnectorSpec, *, actor: str, expected_version: int | None
) -> SendConnector:
    """Replace the settings of a connector; an empty `sealed_password` keeps the stored one.

    Changing the smart hosts, the port or the TLS settings clears the stored password, because it would go to
    a place that nobody typed it for: basic authentication then needs it anew.
    Raises NoSuchConnector, Conflict when `expected_version` is not the stored one, InvalidConnector.
    """
    with writing() as configuration:
        connector = SendConnector.objects.select_for_update().filter(pk=connector_id).first()
        if connector is None:
            raise NoSuchConnector
        if expected_version is not None and connector.version != expected_version:
            raise Conflict(
                connector.name,
                by=connector.changed_by,
                at=connector.changed_at,
                version=connector.version,
            )
        stored = replace(spec_of(connector), sealed_password=connector.sealed_password)
        checked = _checked(spec, guid=connector.guid, connector_id=connector.pk, stored=stored)
        if checked != stored:
            connector.version += 1
            _write(connector, checked, actor=actor)
            announce_routing(configuration)
            _log("connector_changed", connector, actor=actor)
            changes = compared(
                *map(send_parameters.settings_of, (stored, checked)), fixed=send_parameters.FIXED
            )
            audit.record("Set-SendConnector", actor=actor, objects=[stored.name], changes=changes)
    return connector


def enable(ids: Iterable[int], *, actor: str) -> int:
    """Enable connectors; give the number of those that were disabled."""
    return _set_enabled(ids, to=True, actor=actor)


def disable(ids: Iterable[int], *, actor: str) -> int:
    """Disable connectors; give the number of those that were enabled."""
    return _set_enabled(ids, to=False, actor=actor)


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove connectors with their passwords; give the number of those that existed."""
    with writing() as configuration:
        connectors = list(SendConnector.objects.filter(pk__in=list(ids)))
        for connector in connectors:
            _log("connector_removed", connector, actor=actor)
            spec = spec_of(connector)
            was = lost(send_parameters.blank(spec), send_parameters.settings_of(spec))
            audit.record("Remove-SendConnector", actor=actor, objects=[connector.name], changes=was)
        SendConnector.objects.filter(pk__in=[connector.pk for connector in connectors]).delete()
        if connectors:
            announce_routing(configuration)
    return len(connectors)


def spec_of(connector: SendConnector) -> ConnectorSpec:
    """Give the settings of a stored connector, with `sealed_password` empty: keep it."""
    level = connector.tls_auth_level
    return ConnectorSpec(
        name=connector.name,
        usage=Usage(connector.usage),
        enabled=connector.enabled,
        comment=connector.comment,
        delivery=Delivery(connector.delivery),
        smart_hosts=tuple(row.host for row in connector.smart_hosts.all()),
        use_external_dns=connector.use_external_dns,
        auth=SmartHostAuth(connector.auth),
        username=connector.username,
        oauth_token_url=connector.oauth_token_url,
        oauth_client_id=connector.oauth_client_id,
        oauth_scope=connector.oauth_scope,
        address_spaces=tuple(row.space for row in connector.address_spaces.all()),
        scoped=connector.scoped,
        source_servers=tuple(row.server_name for row in connector.source_servers.all()),
        fqdn=connector.fqdn,
        force_helo=connector.force_helo,
        source_ip_address=connector.source_ip_address,
        ip_family=IpFamily(connector.ip_family),
        port=connector.port,
        max_message_bytes=connector.max_message_bytes,
        protocol_logging=connector.protocol_logging,
        require_tls=connector.require_tls,
        ignore_starttls=connector.ignore_starttls,
        tls_auth_level=TlsAuthLevel(level) if level else None,
        tls_domain=connector.tls_domain,
        tls_certificate_name=connector.tls_certificate_name,
        mta_sts=connector.mta_sts,
        dane=connector.dane,
        messages_per_connection=connector.messages_per_connection,
        max_connections=connector.max_connections,
        messages_per_second=connector.messages_per_second,
        messages_per_day=connector.messages_per_day,
        inactivity_timeout=connector.inactivity_timeout,
        timeouts=connector.timeouts,
    )


def _checked(
    spec: ConnectorSpec, *, guid: UUID, connector_id: int | None, stored: ConnectorSpec | None = None
) -> ConnectorSpec:
    """Give the settings in stored form. Raises InvalidConnector with everything that is wrong."""
    tidy, _ = rules.examine(spec)
    cleared = stored is not None and stored.sealed_password and _goes_elsewhere(tidy, stored)
    if stored is not None and not spec.sealed_password and not cleared:
        spec = replace(spec, sealed_password=stored.sealed_password)
    checked, found = rules.examine(spec)
    problems = [_explained(problem, cleared=bool(cleared)) for problem in found]
    problems.extend(_stored_problems(checked, guid=guid, connector_id=connector_id, stored=stored))
    if problems:
        raise InvalidConnector(problems)
    return checked


def _goes_elsewhere(wanted: ConnectorSpec, stored: ConnectorSpec) -> bool:
    """Tell whether the password would be sent to other hosts, another port, or with another TLS level."""
    return _destination(wanted) != _destination(stored)


def _destination(spec: ConnectorSpec) -> tuple[object, ...]:
    hosts = frozenset(spec.smart_hosts)
    return (
        hosts,
        spec.port,
        spec.auth,
        spec.require_tls,
        spec.ignore_starttls,
        spec.tls_auth_level,
        spec.tls_domain,
        spec.oauth_token_url,
    )


def _explained(problem: Problem, *, cleared: bool) -> Problem:
    if not cleared or problem.field != "sealed_password":
        return problem
    what = "smart hosts, port, authentication, TLS settings or token URL changed"
    return replace(problem, rule=f"{what}, which clears the stored password: type it again")


def _stored_problems(
    spec: ConnectorSpec, *, guid: UUID, connector_id: int | None, stored: ConnectorSpec | None
) -> Iterator[Problem]:
    """What only the tables and the keys can tell."""
    same_name = SendConnector.objects.filter(name_key=name_key(spec.name)).exclude(pk=connector_id or 0)
    if same_name.exists():
        yield Problem("name", spec.name, "another send connector has this name")
    if stored is not None and spec.usage != stored.usage:
        yield Problem("usage", spec.usage, f"the type is set once, when a connector is made: {stored.usage}")
    if spec.sealed_password:
        try:
            credentials.open_sealed(spec.sealed_password, guid=guid)
        except credentials.CannotUnseal as error:
            yield Problem("sealed_password", "", f"type the password again; {error}".removesuffix("."))


def _write(connector: SendConnector, spec: ConnectorSpec, *, actor: str) -> None:
    for field in _PLAIN_FIELDS:
        setattr(connector, field, getattr(spec, field))
    connector.name_key = name_key(spec.name)
    connector.tls_auth_level = spec.tls_auth_level or ""
    connector.changed_by, connector.changed_at = actor, timezone.now()
    try:
        connector.full_clean()
    except ValidationError as error:
        raise InvalidConnector(Problem("connector", "", rule) for rule in error.messages) from error
    connector.save()
    _write_parts(connector, spec)


_PLAIN_FIELDS = tuple(
    one.name
    for one in fields(ConnectorSpec)
    if one.name not in {"tls_auth_level", "address_spaces", "smart_hosts", "source_servers"}
)


def _write_parts(connector: SendConnector, spec: ConnectorSpec) -> None:
    for rows in (connector.address_spaces, connector.smart_hosts, connector.source_servers):
        rows.all().delete()
    AddressSpaceRow.objects.bulk_create(
        AddressSpaceRow(connector=connector, type=space.type, pattern=space.pattern, cost=space.cost)
        for space in spec.address_spaces
    )
    SmartHost.objects.bulk_create(
        SmartHost(connector=connector, position=position, host=host)
        for position, host in enumerate(spec.smart_hosts)
    )
    SourceServer.objects.bulk_create(
        SourceServer(connector=connector, server_name=name) for name in spec.source_servers
    )


def _set_enabled(ids: Iterable[int], *, to: bool, actor: str) -> int:
    with writing() as configuration:
        connectors = list(SendConnector.objects.filter(pk__in=list(ids), enabled=not to))
        SendConnector.objects.filter(pk__in=[connector.pk for connector in connectors]).update(
            enabled=to, version=F("version") + 1, changed_by=actor, changed_at=timezone.now()
        )
        for connector in connectors:
            connector.version += 1
            _log("connector_enabled" if to else "connector_disabled", connector, actor=actor)
            switched = Change(name="Enabled", old=not to, new=to)
            audit.record("Set-SendConnector", actor=actor, objects=[connector.name], changes=[switched])
        if connectors:
            announce_routing(configuration)
    return len(connectors)


def _log(event: str, connector: SendConnector, *, actor: str) -> None:
    """One line per write that was committed."""
    facts = {"connector_id": connector.pk, "version": connector.version, "connector": connector.name}
    transaction.on_commit(lambda: logger.info(event, extra=facts | {"actor": actor}))
