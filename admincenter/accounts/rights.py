"""Who may do what: the one place where a view asks. Role groups decide (`role_groups`)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from admincenter.accounts import role_groups
from admincenter.accounts.role_groups import Right

__all__ = ["Right", "demand", "may", "requires"]
View = Callable[..., HttpResponseBase]


def may(user: AbstractBaseUser | AnonymousUser, right: Right) -> bool:
    """Tell whether this person has this right."""
    if not isinstance(user, User) or not user.is_active:
        return False
    # Once a request: a page asks many times for the same person.
    prefetch_related_objects([user], "memberships")
    groups = role_groups.in_order(row.role_group for row in user.memberships.all())
    return right in role_groups.rights_of(groups)


def demand(request: HttpRequest, right: Right) -> None:
    """Raise PermissionDenied, which becomes 403, where the person has not this right."""
    if not may(request.user, right):
        raise PermissionDenied


def requires(right: Right) -> Callable[[View], View]:
    """Answer 403 to who does not have the right; who is not signed in was sent to the sign-in page before."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            demand(request, right)
            return view(request, *args, **kwargs)

        return guarded

    return guard
