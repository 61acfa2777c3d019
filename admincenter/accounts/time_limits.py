"""How long a sign-in lasts: a while without a person at the page, and in all."""

import time

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest

from admincenter.components import live

SIGNED_OUT = "signed_out"
"""Where the next session finds why the last one ended."""
_SINCE, _ACTIVE_AT = "since", "active_at"
_NOTED_EVERY_S = 30.0
"""Being active is written down so often: each time is a write into the table of sessions."""


def enforce(request: HttpRequest) -> None:
    """Sign out who was away for too long, or is in for too long; else note that somebody is there."""
    now, session = time.time(), request.session
    since, active_at = session.setdefault(_SINCE, now), session.setdefault(_ACTIVE_AT, now)
    if now - since > settings.SESSION_COOKIE_AGE:
        _sign_out(request, why="after the longest time that a sign-in lasts")
    elif now - active_at > settings.SESSION_IDLE_SECONDS:
        _sign_out(request, why="because nobody used this page for a while")
    elif _is_a_person(request) and now - active_at > _NOTED_EVERY_S:
        session[_ACTIVE_AT] = now


def _is_a_person(request: HttpRequest) -> bool:
    """A page that refreshes itself shows nobody's presence."""
    return live.SEEN not in request.headers


def _sign_out(request: HttpRequest, *, why: str) -> None:
    logout(request)
    request.session[SIGNED_OUT] = why
