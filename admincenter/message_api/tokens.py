"""Who submits: the application password that came as a bearer token (RFC 6750)."""

import re
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from admincenter.message_api.problems import Problem
from connectors import reception
from connectors.application_passwords import Login, Logins

_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,200}=*)", re.IGNORECASE)
USE_IS_NOTED_EVERY = timedelta(minutes=1)
_known: list[tuple[reception.Key, Logins]] = []
"""The last look at the application passwords, at most one."""
_noted: dict[int, datetime] = {}


def authenticate(request: HttpRequest) -> Login:
    """Find the login of the token; whatever is wrong with it, the answer is one. Raises Problem (401)."""
    match = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "send an application password as Authorization: Bearer <password>",
            headers={"WWW-Authenticate": 'Bearer realm="mail submission"'},
        )
    now = timezone.now()
    login = _logins().of(match[1], now=now)
    if login is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "there is no such application password, or it has run out",
            headers={"WWW-Authenticate": 'Bearer realm="mail submission", error="invalid_token"'},
        )
    _note_use(login, now=now)
    return login


def _logins() -> Logins:
    """As they are now: one small query tells whether something changed."""
    key = reception.key()
    if not _known or _known[0][0] != key:
        fresh, found = reception.read(settings.SERVER_NAME)
        _known[:] = [(fresh, found.logins)]
    return _known[0][1]


def _note_use(login: Login, *, now: datetime) -> None:
    last = _noted.get(login.login_id)
    if last is None or not last <= now < last + USE_IS_NOTED_EVERY:
        reception.note_use({login.login_id: now})
        _noted[login.login_id] = now
