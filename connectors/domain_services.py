"""Writes accepted domains: each change checked, in one transaction, logged, and told to every listener."""

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from connectors import accepted_domains, audit, validators
from connectors.accepted_domains import DomainType
from connectors.changes import announce_reception, writing
from connectors.commands import Settings, compared, lost, made
from connectors.errors import InvalidSettings, InvalidValue, Missing, Problem
from connectors.models import AcceptedDomain
from connectors.validators import name_key

logger = logging.getLogger(__name__)
WHAT = "accepted domain"


def _named(domain_id: int, **_: object) -> str:
    """Who is meant by a call that was refused."""
    return str(AcceptedDomain.objects.filter(pk=domain_id).first() or "")


@audit.tells_refusals("New-AcceptedDomain", named=lambda name, **_: name)
def create(
    name: str,
    *,
    domain: str,
    type: DomainType,  # noqa: A002 - Exchange's word
    default: bool = False,
    actor: str,
) -> AcceptedDomain:
    """Make an accepted domain. Raises InvalidSettings."""
    with writing() as configuration:
        row = AcceptedDomain(type=type.value)
        _write(row, name=name, domain=domain, default=default, actor=actor)
        announce_reception(configuration)
        _log("accepted_domain_created", row, actor=actor)
        changes = made(_BLANK, _parameters_of(row))
        audit.record("New-AcceptedDomain", actor=actor, objects=[row.name], changes=changes)
    return row


@audit.tells_refusals("Set-AcceptedDomain", named=_named)
def change(
    domain_id: int,
    *,
    name: str | None = None,
    type: DomainType | None = None,  # noqa: A002 - Exchange's word
    default: bool | None = None,
    actor: str,
) -> AcceptedDomain:
    """Change what is given; the domain itself stays. Raises Missing, InvalidSettings."""
    with writing() as configuration:
        row = AcceptedDomain.objects.select_for_update().filter(pk=domain_id).first()
        if row is None:
            raise Missing(WHAT)
        identity, stored = row.name, _parameters_of(row)
        row.type = type.value if type else row.type
        wanted = row.default if default is None else default
        _write(row, name=row.name if name is None else name, domain=row.pattern, default=wanted, actor=actor)
        announce_reception(configuration)
        _log("accepted_domain_changed", row, actor=actor)
        changes = compared(stored, _parameters_of(row))
        if changes:
            audit.record("Set-AcceptedDomain", actor=actor, objects=[identity], changes=changes)
    return row


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove accepted domains; gives the number of those that existed."""
    with writing() as configuration:
        rows = list(AcceptedDomain.objects.filter(pk__in=list(ids)))
        for row in rows:
            _log("accepted_domain_removed", row, actor=actor)
            was = lost(_BLANK, _parameters_of(row))
            audit.record("Remove-AcceptedDomain", actor=actor, objects=[row.name], changes=was)
        AcceptedDomain.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if rows:
            announce_reception(configuration)
    return len(rows)


def _write(row: AcceptedDomain, *, name: str, domain: str, default: bool, actor: str) -> None:
    problems: list[Problem] = []
    try:
        row.name = validators.name(name)
        row.pattern = accepted_domains.parse_pattern(domain)
    except InvalidValue as error:
        raise InvalidSettings([error.problem]) from None
    row.name_key = name_key(row.name)
    others = AcceptedDomain.objects.exclude(pk=row.pk)
    if others.filter(name_key=row.name_key).exists():
        problems.append(Problem("name", row.name, "another accepted domain has this name"))
    if others.filter(pattern=row.pattern).exists():
        problems.append(Problem("domain", row.pattern, "it is an accepted domain already"))
    if default and row.pattern.startswith("*."):
        rule = "the default completes postmaster, so it is one domain and no pattern"
        problems.append(Problem("default", row.pattern, rule))
    if problems:
        raise InvalidSettings(problems)
    if default:
        others.filter(default=True).update(default=False)
    row.default, row.changed_by, row.changed_at = default, actor, timezone.now()
    row.full_clean()
    row.save()


_BLANK: Settings = {"DomainType": DomainType.AUTHORITATIVE.value, "MakeDefault": False}


def _parameters_of(row: AcceptedDomain) -> Settings:
    return {
        "Name": row.name,
        "DomainName": row.pattern,
        "DomainType": row.type,
        "MakeDefault": row.default,
    }


def _log(event: str, row: AcceptedDomain, *, actor: str) -> None:
    facts = {"accepted_domain": row.name, "domain": row.pattern, "type": row.type, "actor": actor}
    transaction.on_commit(lambda: logger.info(event, extra=facts))
