"""Who may do what: the one place where a view asks, so that role groups can be slotted in.

Today there is one kind of administrator; the rights are already named as Exchange's permission sets
(exchange.md 12.2), and every view names the one it needs.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


class Right(StrEnum):
    """A permission set."""

    VIEW = "view"
    CONNECTORS = "connectors"
    RECEIVE_CONNECTORS = "receive connectors"
    QUEUES = "queues"
    TEST_MESSAGES = "test messages"


def may(user: AbstractBaseUser | AnonymousUser, right: Right) -> bool:
    """Tell whether this person has this right."""
    return right in Right and bool(user.is_active and getattr(user, "is_staff", False))


def requires(right: Right) -> Callable[[View], View]:
    """Answer 403 to who does not have the right; who is not signed in was sent to the sign-in page before."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard
