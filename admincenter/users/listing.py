"""The list of users as its page shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from admincenter.accounts.role_groups import in_order
from admincenter.accounts.services import must_change_password
from admincenter.components.lists import Fact, Order, read_order, read_selection, shortened

PAGE_ROWS = 200
COLUMNS = {"user": "username", "name": "first_name", "status": "is_active", "signed_in": "last_login"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the list."""

    pk: int
    user_name: str
    name: str
    active: bool
    groups: str
    last_sign_in: datetime | None


def address(user: User) -> str:
    """Return the address of the list with this user picked."""
    return f"{reverse('users:list')}?selected={user.pk}"


def context(request: HttpRequest, *, picked: Sequence[int] | None = None) -> dict[str, object]:
    """Return what the list and its details pane need; `picked` stands in for what the address says."""
    order = read_order(request, columns=list(COLUMNS), default="user")
    selected = read_selection(request.GET) if picked is None else picked
    page = Paginator(_ordered(order), PAGE_ROWS).get_page(request.GET.get("page"))
    chosen = list(_users().filter(pk__in=selected).order_by("username"))
    return {
        "order": order,
        "page": page,
        "rows": [_row(user) for user in page],
        "selected": {user.pk for user in chosen},
        "chosen": chosen,
        "facts": list(facts(chosen[0])) if len(chosen) == 1 else [],
        "vanished": bool(selected) and not chosen,
    }


def facts(user: User) -> Iterator[Fact]:
    """Yield what an administrator wants to know of one user."""
    if user.first_name:
        yield Fact("Name", (user.first_name,))
    if user.email:
        yield Fact("Email", (user.email,))
    yield Fact("Role groups", _groups(user) or ("None: this user may sign in and see nothing",))
    if must_change_password(user):
        yield Fact("Password", ("One-time: the next sign-in asks for a new one",))


def _users() -> QuerySet[User]:
    return User.objects.prefetch_related("memberships")


def _ordered(order: Order) -> QuerySet[User]:
    column = F(COLUMNS[order.column])
    by = column.desc(nulls_last=True) if order.descending else column.asc(nulls_first=True)
    return _users().order_by(by, "username", "pk")


def _row(user: User) -> Row:
    return Row(
        pk=user.pk,
        user_name=user.username,
        name=user.first_name,
        active=user.is_active,
        groups=shortened(_groups(user), shown=2) or "None",
        last_sign_in=user.last_login,
    )


def _groups(user: User) -> tuple[str, ...]:
    return tuple(group.name for group in in_order(row.role_group for row in user.memberships.all()))
