"""The list of role groups as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from admincenter.accounts import role_groups
from admincenter.accounts.role_groups import ROLE_GROUPS, RoleGroup
from admincenter.models import Membership

SHOWN_MEMBERS = 50
"""In the details pane; the edit dialog has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """One role group in the details pane."""

    group: RoleGroup
    rights: Sequence[str]
    members: Sequence[User]
    more: int
    """Members beyond those."""


def address(group: RoleGroup) -> str:
    """Return the address of the list with this role group picked."""
    return f"{reverse('admin_roles:list')}?selected={group.slug}"


def context(request: HttpRequest) -> dict[str, object]:
    """Return what the list and its details pane need."""
    counts = dict(Membership.objects.values_list("role_group").annotate(Count("pk")).order_by())
    chosen = role_groups.in_order(request.GET.getlist("selected"))
    return {
        "rows": [(group, counts.get(group.slug, 0)) for group in ROLE_GROUPS],
        "selected": {group.slug for group in chosen},
        "chosen": chosen,
        "details": _details(chosen[0], count=counts.get(chosen[0].slug, 0)) if len(chosen) == 1 else None,
    }


def _details(group: RoleGroup, *, count: int) -> Details:
    members = User.objects.filter(memberships__role_group=group.slug).order_by("username")[:SHOWN_MEMBERS]
    return Details(
        group=group,
        rights=role_groups.in_words(group),
        members=list(members),
        more=max(0, count - SHOWN_MEMBERS),
    )
