"""Writes receive connectors: each change checked, in one transaction, logged, and told to every listener."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from connectors import audit, receive_parameters, receive_rules
from connectors.changes import announce_reception, writing
from connectors.commands import Change, compared, lost
from connectors.errors import Conflict, InvalidSettings, Missing, Problem
from connectors.models import ReceiveConnector, ReceptionSetting
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import Mechanism, PermissionGroup, ReceiveLimits, ReceiveSettings
from connectors.reception import settings_of
from connectors.validators import MAX_NAME_CHARACTERS, name_key

logger = logging.getLogger(__name__)
WHAT = "receive connector"
EVERYBODY = ("0.0.0.0/0", "::/0")
FIRST_START = "first start"


def _named(connector_id: int, *_: object, **__: object) -> str:
    """Who is meant by a call that was refused."""
    return str(ReceiveConnector.objects.filter(pk=connector_id).first() or "")


def _identity(settings: ReceiveSettings, **_: object) -> str:
    return f"{settings.server}\\{settings.name}"


@audit.tells_refusals("New-ReceiveConnector", named=_identity)
def create(settings: ReceiveSettings, *, actor: str) -> ReceiveConnector:
    """Make a connector. Raises InvalidSettings."""
    with writing() as configuration:
        connector = _insert(settings, actor=actor)
        announce_reception(configuration)
        made = receive_parameters.to_make(settings_of(connector))
        audit.record("New-ReceiveConnector", actor=actor, objects=[str(connector)], changes=made)
    return connector


@audit.tells_refusals("Set-ReceiveConnector", named=_named)
def change(
    connector_id: int, settings: ReceiveSettings, *, actor: str, expected_version: int | None = None
) -> ReceiveConnector:
    """Replace the settings of a connector, its server too.

    Raises Missing, Conflict when `expected_version` is not the stored one, InvalidSettings.
    """
    with writing() as configuration:
        connector = ReceiveConnector.objects.select_for_update().filter(pk=connector_id).first()
        if connector is None:
            raise Missing(WHAT)
        if expected_version is not None and connector.version != expected_version:
            raise Conflict(
                str(connector), by=connector.changed_by, at=connector.changed_at, version=connector.version
            )
        checked = _checked(settings, connector_id=connector_id)
        stored, identity = settings_of(connector), str(connector)
        if checked != stored:
            connector.version += 1
            _write(connector, checked, actor=actor)
            announce_reception(configuration)
            _log("receive_connector_changed", connector, actor=actor)
            both = map(receive_parameters.parameters_of, (stored, checked))
            changes = compared(*both, fixed=receive_parameters.FIXED)
            audit.record("Set-ReceiveConnector", actor=actor, objects=[identity], changes=changes)
    return connector


@audit.tells_refusals(
    "Set-ReceiveConnector",
    named=lambda ids, **_: ", ".join(map(str, ReceiveConnector.objects.filter(pk__in=list(ids)))),
)
def enable(ids: Iterable[int], *, actor: str) -> int:
    """Enable connectors, all or none; gives how many were disabled. Raises InvalidSettings."""
    return _set_enabled(ids, to=True, actor=actor)


def disable(ids: Iterable[int], *, actor: str) -> int:
    """Disable connectors; gives the number of those that were enabled. Open sessions end by themselves."""
    return _set_enabled(ids, to=False, actor=actor)


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove connectors; gives the number of those that existed. Open sessions end by themselves."""
    with writing() as configuration:
        connectors = list(ReceiveConnector.objects.filter(pk__in=list(ids)))
        for connector in connectors:
            _log("receive_connector_removed", connector, actor=actor)
            was = lost(receive_parameters.blank(), receive_parameters.parameters_of(settings_of(connector)))
            audit.record("Remove-ReceiveConnector", actor=actor, objects=[str(connector)], changes=was)
        ReceiveConnector.objects.filter(pk__in=[connector.pk for connector in connectors]).delete()
        if connectors:
            announce_reception(configuration)
    return len(connectors)


def ensure_defaults(server: str, *, addresses: Sequence[str], networks: Sequence[str]) -> None:
    """Make the first connectors of a server from its settings, and let them follow when a setting changes.

    `addresses` are those of ADMINCENTER_SMTP, `networks` ADMINCENTER_RELAY_NETWORKS. `Default <server>` takes
    mail for accepted domains from everybody, `Anonymous Relay <server>` relays for the networks. Connectors
    that an administrator changed since keep what he set. Raises InvalidSettings.
    """
    bindings = [str(parse_binding(address)) for address in addresses]
    relay_ranges = [str(parse_range(text)) for text in networks]
    with writing() as configuration:
        known = ReceptionSetting.objects.filter(server_name=server).first()
        if known is not None and (known.bindings, known.relay_ranges) == (bindings, relay_ranges):
            return
        if known is not None:
            _follow(known, bindings=bindings, relay_ranges=relay_ranges)
        elif not ReceiveConnector.objects.filter(server_name=server).exists():
            _make_defaults(server, bindings=bindings, relay_ranges=relay_ranges)
        known = known or ReceptionSetting(server_name=server)
        known.bindings, known.relay_ranges = bindings, relay_ranges
        known.save()
        announce_reception(configuration)


def _make_defaults(server: str, *, bindings: Sequence[str], relay_ranges: Sequence[str]) -> None:
    default = ReceiveSettings(
        name=f"Default {server}"[:MAX_NAME_CHARACTERS],
        server=server,
        bindings=tuple(map(parse_binding, bindings)),
        remote_ranges=tuple(map(parse_range, EVERYBODY)),
        auth=frozenset({Mechanism.TLS, Mechanism.BASIC, Mechanism.BASIC_REQUIRE_TLS}),
        permissions=frozenset({PermissionGroup.ANONYMOUS, PermissionGroup.USERS}),
        comment="Made at the first start: takes mail for accepted domains, and from who signs in.",
    )
    _insert(default, actor=FIRST_START)
    if relay_ranges:
        _insert(_relay(default, relay_ranges=relay_ranges), actor=FIRST_START)


def _relay(default: ReceiveSettings, *, relay_ranges: Sequence[str]) -> ReceiveSettings:
    return replace(
        default,
        name=relay_name(default.server),
        remote_ranges=tuple(map(parse_range, relay_ranges)),
        anonymous_relay=True,
        comment="Made at the first start from ADMINCENTER_RELAY_NETWORKS: relays without a password.",
        # Application servers open many connections and write to many at once, and are not to be slowed down;
        # Exchange's own connector between servers takes 5000 recipients too (exchange.md 10.1).
        limits=ReceiveLimits(
            max_connections_per_source=1000, max_connections_percent_per_source=100, max_recipients=5000
        ),
    )


def relay_name(server: str) -> str:
    """Give the name of the connector that relays for ADMINCENTER_RELAY_NETWORKS."""
    return f"Anonymous Relay {server}"[:MAX_NAME_CHARACTERS]


def _follow(known: ReceptionSetting, *, bindings: Sequence[str], relay_ranges: Sequence[str]) -> None:
    """Move what still is as the old setting made it."""
    for connector in ReceiveConnector.objects.filter(server_name=known.server_name).order_by("id"):
        kept = [one for one in connector.bindings if one not in known.bindings]
        moved = kept != connector.bindings
        relays = connector.name == relay_name(known.server_name) and bool(relay_ranges)
        widened = relays and connector.remote_ranges == known.relay_ranges != list(relay_ranges)
        if moved or widened:
            connector.bindings = list(dict.fromkeys([*bindings, *kept])) if moved else connector.bindings
            connector.remote_ranges = list(relay_ranges) if widened else connector.remote_ranges
            _verify(receive_rules.examine(settings_of(connector))[1])
            connector.version += 1
            connector.save()
            _log("receive_connector_follows_settings", connector, actor="start")


def _set_enabled(ids: Iterable[int], *, to: bool, actor: str) -> int:
    with writing() as configuration:
        connectors = list(ReceiveConnector.objects.filter(pk__in=list(ids), enabled=not to).by_name())
        for connector in connectors:
            wanted = replace(settings_of(connector), enabled=to)
            connector.version += 1
            _write(connector, _switched(connector, wanted) if to else wanted, actor=actor)
            _log("receive_connector_changed", connector, actor=actor)
            switched = Change(name="Enabled", old=not to, new=to)
            audit.record("Set-ReceiveConnector", actor=actor, objects=[str(connector)], changes=[switched])
        if connectors:
            announce_reception(configuration)
    return len(connectors)


def _switched(connector: ReceiveConnector, wanted: ReceiveSettings) -> ReceiveSettings:
    """Check one of several connectors; the sentence must say which of them stays disabled."""
    try:
        return _checked(wanted, connector_id=connector.pk)
    except InvalidSettings as error:
        rules = (replace(one, rule=f"{one.rule}; {connector} stays disabled") for one in error.problems)
        raise InvalidSettings(rules) from error


def _insert(settings: ReceiveSettings, *, actor: str) -> ReceiveConnector:
    checked = _checked(settings, connector_id=None)
    connector = ReceiveConnector(created_by=actor)
    _write(connector, checked, actor=actor)
    _log("receive_connector_created", connector, actor=actor)
    return connector


def _checked(settings: ReceiveSettings, *, connector_id: int | None) -> ReceiveSettings:
    checked, found = receive_rules.examine(settings)
    problems, server = list(found), checked.server
    others = ReceiveConnector.objects.filter(server_name=server).exclude(pk=connector_id or 0)
    if others.filter(name_key=name_key(checked.name)).exists():
        problems.append(Problem("name", checked.name, f"another receive connector of {server} has this name"))
    if checked.enabled:
        enabled = [settings_of(other) for other in others.filter(enabled=True).by_name()]
        problems.extend(receive_rules.conflicts(checked, enabled))
    _verify(problems)
    return checked


def _verify(problems: Sequence[Problem]) -> None:
    if problems:
        raise InvalidSettings(dict.fromkeys(problems))


def _write(connector: ReceiveConnector, settings: ReceiveSettings, *, actor: str) -> None:
    for field, value in _columns(settings):
        setattr(connector, field, value)
    connector.name_key = name_key(settings.name)
    connector.changed_by, connector.changed_at = actor, timezone.now()
    try:
        connector.full_clean()
    except ValidationError as error:
        raise InvalidSettings(Problem("connector", "", rule) for rule in error.messages) from error
    connector.save()


def _columns(settings: ReceiveSettings) -> Iterator[tuple[str, object]]:
    yield "server_name", settings.server
    yield "bindings", [str(one) for one in settings.bindings]
    yield "remote_ranges", [str(one) for one in settings.remote_ranges]
    yield "auth", sorted(one.value for one in settings.auth)
    yield "permissions", sorted(one.value for one in settings.permissions)
    for field in _PLAIN_FIELDS:
        yield field, getattr(settings, field)
    yield from asdict(settings.limits).items()


_PLAIN_FIELDS = (
    "name", "usage", "enabled", "comment", "fqdn", "banner", "anonymous_relay", "require_tls", "certificate",
    "protocol_logging",
)  # fmt: skip


def _log(event: str, connector: ReceiveConnector, *, actor: str) -> None:
    facts = {"connector_id": connector.pk, "version": connector.version, "connector": str(connector)}
    transaction.on_commit(lambda: logger.info(event, extra=facts | {"actor": actor}))
