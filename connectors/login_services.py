"""Writes application passwords: made once, shown once, told to every listener."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors import application_passwords, audit, validators
from connectors.application_passwords import ANY_SENDER, MAX_SENDERS
from connectors.changes import announce_reception, writing
from connectors.commands import Change, Settings, compared, lost, made, spelled
from connectors.errors import InvalidSettings, InvalidValue, Missing, Problem
from connectors.models import ApplicationPassword
from connectors.validators import name_key

logger = logging.getLogger(__name__)
WHAT = "application password"


def _named(login_id: int, **_: object) -> str:
    """Who is meant by a call that was refused."""
    return str(ApplicationPassword.objects.filter(pk=login_id).first() or "")


@audit.tells_refusals("New-ApplicationPassword", named=lambda user_name, **_: user_name)
def create(
    user_name: str,
    *,
    senders: Sequence[str] = (ANY_SENDER,),
    description: str = "",
    expires_at: datetime | None = None,
    actor: str,
) -> tuple[ApplicationPassword, str]:
    """Make a login; gives the row and its password, which nobody can read again. Raises InvalidSettings."""
    password = application_passwords.make()
    with writing() as configuration:
        row = ApplicationPassword(digest=application_passwords.digest(password), created_by=actor)
        row.expires_at = expires_at
        _write(row, user_name=user_name, senders=senders, description=description, actor=actor)
        announce_reception(configuration)
        _log("application_password_created", row, actor=actor)
        changes = made(_BLANK, _parameters_of(row))
        audit.record("New-ApplicationPassword", actor=actor, objects=[row.user_name], changes=changes)
    return row, password


@audit.tells_refusals("Set-ApplicationPassword", named=_named)
def change(  # noqa: PLR0913 - each setting by name
    login_id: int,
    *,
    senders: Sequence[str],
    description: str,
    enabled: bool,
    expires_at: datetime | None,
    actor: str,
) -> ApplicationPassword:
    """Replace the settings of a login; sessions that are open feel it with their next message.

    Raises Missing, InvalidSettings.
    """
    with writing() as configuration:
        row = _locked(login_id)
        stored = _parameters_of(row)
        row.enabled, row.expires_at = enabled, expires_at
        _write(row, user_name=row.user_name, senders=senders, description=description, actor=actor)
        announce_reception(configuration)
        _log("application_password_changed", row, actor=actor)
        changes = compared(stored, _parameters_of(row))
        if changes:
            audit.record("Set-ApplicationPassword", actor=actor, objects=[row.user_name], changes=changes)
    return row


@audit.tells_refusals("Set-ApplicationPassword", named=_named)
def renew(login_id: int, *, actor: str) -> str:
    """Put a new password in the place of the old one, which ends at once. Raises Missing."""
    password = application_passwords.make()
    with writing() as configuration:
        row = _locked(login_id)
        row.digest = application_passwords.digest(password)
        row.changed_by, row.changed_at = actor, timezone.now()
        row.save()
        announce_reception(configuration)
        _log("application_password_renewed", row, actor=actor)
        renewed = Change(name="Renew", new=True)
        audit.record("Set-ApplicationPassword", actor=actor, objects=[row.user_name], changes=[renewed])
    return password


def remove(ids: Iterable[int], *, actor: str) -> int:
    """Remove logins; gives the number of those that existed."""
    with writing() as configuration:
        rows = list(ApplicationPassword.objects.filter(pk__in=list(ids)))
        for row in rows:
            _log("application_password_removed", row, actor=actor)
            was = lost(_BLANK, _parameters_of(row))
            audit.record("Remove-ApplicationPassword", actor=actor, objects=[row.user_name], changes=was)
        ApplicationPassword.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if rows:
            announce_reception(configuration)
    return len(rows)


def _locked(login_id: int) -> ApplicationPassword:
    row = ApplicationPassword.objects.select_for_update().filter(pk=login_id).first()
    if row is None:
        raise Missing(WHAT)
    return row


def _write(
    row: ApplicationPassword, *, user_name: str, senders: Sequence[str], description: str, actor: str
) -> None:
    try:
        row.user_name = application_passwords.parse_user_name(user_name)
        row.senders = list(dict.fromkeys(map(application_passwords.parse_sender, senders)))
        row.description = validators.comment(description)
    except InvalidValue as error:
        raise InvalidSettings([error.problem]) from None
    row.user_key = name_key(row.user_name)
    if ApplicationPassword.objects.filter(user_key=row.user_key).exclude(pk=row.pk).exists():
        raise InvalidSettings([Problem("user_name", row.user_name, "there is an application password of it")])
    if not 1 <= len(row.senders) <= MAX_SENDERS:
        rule = f"1 to {MAX_SENDERS} senders are needed; * is any"
        raise InvalidSettings([Problem("senders", "", rule)])
    row.changed_by, row.changed_at = actor, timezone.now()
    row.save()


_BLANK: Settings = {"Senders": [ANY_SENDER], "Description": "", "Enabled": True, "Expires": None}


def _parameters_of(row: ApplicationPassword) -> Settings:
    return {
        "UserName": row.user_name,
        "Senders": spelled(row.senders),
        "Description": row.description,
        "Enabled": row.enabled,
        "Expires": spelled(row.expires_at),
    }


def _log(event: str, row: ApplicationPassword, *, actor: str) -> None:
    facts = {"login": row.user_name, "actor": actor}
    transaction.on_commit(lambda: logger.info(event, extra=facts))
