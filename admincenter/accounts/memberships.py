"""Changes who is in which role group, and never leaves Organization Management without an active member."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.db import transaction

from admincenter.accounts.errors import LastAdministrator
from admincenter.accounts.role_groups import ORGANIZATION, RoleGroup
from admincenter.models import Membership
from connectors import audit
from connectors.commands import Change

logger = logging.getLogger(__name__)


@contextmanager
def an_administrator_stays() -> Iterator[None]:
    """Undo what is done inside where it leaves nobody who may give rights. Raises LastAdministrator.

    Two such changes wait for each other, so that each does not rely on the member that the other one removes.
    """
    members = Membership.objects.filter(role_group=ORGANIZATION.slug)
    with transaction.atomic():
        list(members.select_for_update().order_by("pk"))
        yield
        if not members.filter(user__is_active=True).exists():
            raise LastAdministrator


@audit.tells_refusals("Remove-RoleGroupMember", named=lambda group, **_: group.name)
def change_members(
    group: RoleGroup, *, add: Collection[int] = (), remove: Collection[int] = (), actor: str
) -> int:
    """Add and remove users by id; return how many memberships changed. Raises LastAdministrator."""
    with an_administrator_stays():
        members = Membership.objects.filter(role_group=group.slug)
        leaving = members.filter(user__in=remove)
        removed = sorted(leaving.values_list("user__username", flat=True))
        leaving.delete()
        joining = list(User.objects.filter(pk__in=add).exclude(memberships__in=members))
        rows = [Membership(user=user, role_group=group.slug) for user in joining]
        # Somebody else may add the same person now.
        Membership.objects.bulk_create(rows, ignore_conflicts=True)
        added = sorted(user.username for user in joining)
        _tell("Remove-RoleGroupMember", group, names=removed, actor=actor)
        _tell("Add-RoleGroupMember", group, names=added, actor=actor)
    if added or removed:
        facts = {"actor": actor, "role_group": group.name, "added": added, "removed": removed}
        transaction.on_commit(lambda: logger.info("role_group_members_changed", extra=facts))
    return len(added) + len(removed)


def _tell(cmdlet: str, group: RoleGroup, *, names: Collection[str], actor: str) -> None:
    """Write an entry for each member: Exchange's cmdlets take one."""
    for name in names:
        audit.record(cmdlet, actor=actor, objects=[group.name], changes=[Change(name="Member", new=name)])


def change_groups(
    user_id: int,
    *,
    add: Collection[RoleGroup] = (),
    remove: Collection[RoleGroup] = (),
    actor: str,
) -> int:
    """Put one user into groups and take them out of others. Raises LastAdministrator."""
    with transaction.atomic():
        gained = sum(change_members(group, add=[user_id], actor=actor) for group in add)
        lost = sum(change_members(group, remove=[user_id], actor=actor) for group in remove)
    return gained + lost


def admit_superuser(*, instance: User, created: bool, raw: bool = False, **_: object) -> None:
    """Put a new superuser into Organization Management; a signal of Django calls it."""
    if created and instance.is_superuser and not raw:
        Membership.objects.create(user=instance, role_group=ORGANIZATION.slug)
