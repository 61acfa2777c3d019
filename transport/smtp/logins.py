"""How the sessions of one server sign in with one set of credentials: one after the other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from connectors.profiles import Credentials, SmartHostAuth
from transport.envelope import Reply
from transport.oauth import TokenSource
from transport.smtp.errors import SessionFailed

AFTERMATH_SECONDS = 2.0
"""So long after a refusal nobody asks again: the row that says so may not be written yet."""


class RefusedBefore(Exception):  # noqa: N818 - says what happened
    """Another session was refused while this one waited; `reply` says how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.line)
        self.reply = reply


class WaitedTooLong(Exception):  # noqa: N818 - says what happened
    """The logins of other sessions take their time."""


class LoginTurn:
    """One login at a time; a refusal counts for every session that was open then.

    Twenty bad logins in one moment would lock the account.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusal: Reply | None = None
        self._refused_at = 0.0

    @contextmanager
    def taken(self, *, since: float, seconds: float) -> Iterator[None]:
        """Wait for the turn; `since` is when the session began, by the monotonic clock.

        Raises RefusedBefore, WaitedTooLong. What the login itself raises goes on to the caller.
        """
        if not self._lock.acquire(timeout=seconds):
            raise WaitedTooLong
        try:
            if self._refusal and self._refused_at > min(since, monotonic() - AFTERMATH_SECONDS):
                raise RefusedBefore(self._refusal)
            yield
            self._refusal = None
        except SessionFailed as failed:
            if failed.reply.refuses_login:
                self._refusal, self._refused_at = failed.reply, monotonic()
            raise
        finally:
            self._lock.release()


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who a session signs in as."""

    auth: SmartHostAuth
    credentials: Credentials | None
    tokens: TokenSource | None = None
    """Under XOAUTH2."""
    turn: LoginTurn = field(default_factory=LoginTurn)
    since: float = field(default_factory=monotonic)
    """When the session began."""
