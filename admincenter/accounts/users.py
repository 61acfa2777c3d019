"""Makes and changes the accounts of others. Role groups are changed by `memberships`."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.utils import timezone

from admincenter.accounts.errors import NoSuchUser, UserNameTaken
from admincenter.accounts.memberships import an_administrator_stays, change_groups
from admincenter.accounts.role_groups import RoleGroup
from admincenter.accounts.services import NEW_PASSWORD, one_time_password
from admincenter.models import Profile
from connectors import audit
from connectors.commands import Change, compared

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What is known of a user besides rights. Django's first_name carries the whole name."""

    name: str = ""
    email: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """The role groups that a user comes into and leaves."""

    add: Collection[RoleGroup] = ()
    remove: Collection[RoleGroup] = ()


@audit.tells_refusals("New-User", named=lambda user_name, *_, **__: user_name)
@transaction.atomic
def create(user_name: str, person: Person, *, groups: Collection[RoleGroup], actor: str) -> tuple[User, str]:
    """Make a user; return it with its one-time password, which is kept nowhere. Raises UserNameTaken."""
    if User.objects.filter(username__iexact=user_name).exists():
        raise UserNameTaken(user_name)
    password = one_time_password()
    try:
        with transaction.atomic():
            user = User.objects.create_user(user_name, person.email, password, first_name=person.name)
    except IntegrityError:
        raise UserNameTaken(user_name) from None
    Profile.objects.create(user=user, must_change_password=True)
    _log("user_created", user.username, actor=actor)
    told = {"UserName": user.username, "DisplayName": person.name, "EmailAddress": person.email}
    made = [Change(name=name, new=value) for name, value in told.items() if value]
    audit.record("New-User", actor=actor, objects=[user.username], changes=made)
    change_groups(user.pk, add=groups, actor=actor)
    return user, password


def _named(user_id: int, *_: object, **__: object) -> str:
    return User.objects.filter(pk=user_id).values_list("username", flat=True).first() or str(user_id)


@audit.tells_refusals("Set-User", named=_named)
def change(user_id: int, person: Person, *, active: bool, groups: Joining, actor: str) -> None:
    """Change a user, all or nothing. Raises NoSuchUser, LastAdministrator."""
    with an_administrator_stays():
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NoSuchUser
        _describe(user, person, actor=actor)
        change_groups(user_id, add=groups.add, remove=groups.remove, actor=actor)
        set_active([user_id], active=active, actor=actor)


def _describe(user: User, person: Person, *, actor: str) -> None:
    old = {"DisplayName": user.first_name, "EmailAddress": user.email}
    changes = compared(old, {"DisplayName": person.name, "EmailAddress": person.email})
    if changes:
        User.objects.filter(pk=user.pk).update(first_name=person.name, email=person.email)
        _log("user_changed", user.username, actor=actor, fields=[one.name for one in changes])
        audit.record("Set-User", actor=actor, objects=[user.username], changes=changes)


@audit.tells_refusals("Set-User", named=lambda user_ids, **_: ", ".join(map(_named, user_ids)))
def set_active(user_ids: Collection[int], *, active: bool, actor: str) -> int:
    """Let users sign in or not; sessions of who may not end at once. Raises LastAdministrator.

    Returns how many were changed.
    """
    with an_administrator_stays():
        users = User.objects.select_for_update().filter(pk__in=user_ids).exclude(is_active=active)
        names = dict(users.order_by("pk").values_list("pk", "username"))
        User.objects.filter(pk__in=names).update(is_active=active)
        if not active:
            end_sessions(set(names))
        event = "user_activated" if active else "user_deactivated"
        for name in names.values():
            _log(event, name, actor=actor)
            switched = Change(name="Enabled", old=not active, new=active)
            audit.record("Set-User", actor=actor, objects=[name], changes=[switched])
    return len(names)


@transaction.atomic
def reset_password(user_id: int, *, actor: str) -> tuple[User, str]:
    """Give a user a new one-time password and end their sessions. Raises NoSuchUser."""
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NoSuchUser
    password = one_time_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    Profile.objects.update_or_create(user=user, defaults={"must_change_password": True})
    end_sessions({user_id})
    _log("user_password_reset", user.username, actor=actor)
    audit.record("Set-User", actor=actor, objects=[user.username], changes=[NEW_PASSWORD])
    return user, password


def end_sessions(user_ids: Collection[int]) -> None:
    """Delete the sessions of these users, so that none comes back to life with its user.

    A session tells whose it is only when it is read; of living ones there are as many as people signed in.
    """
    if not user_ids:
        return
    owners = {str(pk) for pk in user_ids}
    living = Session.objects.filter(expire_date__gt=timezone.now())
    theirs = [one.pk for one in living.iterator() if one.get_decoded().get(SESSION_KEY) in owners]
    Session.objects.filter(pk__in=theirs).delete()


def _log(event: str, user_name: str, *, actor: str, **more: object) -> None:
    facts = {"actor": actor, "user": user_name, **more}
    transaction.on_commit(lambda: logger.info(event, extra=facts))
