"""AUTH: PLAIN (RFC 4616) and LOGIN, against application passwords (RFC 4954)."""

import base64
import binascii

from connectors.profiles import Credentials
from transport.receiving import replies
from transport.receiving.admission import may_log_on
from transport.receiving.answers import Answer, Then
from transport.receiving.peer import Peer
from transport.receiving.site import LogonWhen, Site

PLAIN, LOGIN = b"PLAIN", b"LOGIN"
ANNOUNCED = "AUTH PLAIN LOGIN"
_PLAIN_PARTS = 3
_MAX_CHARACTERS = 1024


class Logon:
    """The AUTH of one session: at most one exchange at a time, at most a few failures."""

    def __init__(self, site: Site, peer: Peer) -> None:
        self._site = site
        self._peer = peer
        self._mechanism = b""
        self._user_name: str | None = None
        self._failures = 0

    @property
    def in_progress(self) -> bool:
        """Whether the next line is no command but part of an exchange, and a secret."""
        return bool(self._mechanism)

    def begin(self, argument: bytes, *, in_transaction: bool) -> Answer:
        """Answer AUTH."""
        refusal = self._refusal(in_transaction=in_transaction)
        if refusal:
            return Answer(refusal, fault=True)
        mechanism, _, initial = argument.partition(b" ")
        mechanism = mechanism.upper()
        if mechanism not in (PLAIN, LOGIN):
            return Answer(replies.UNKNOWN_MECHANISM, fault=True)
        self._mechanism, self._user_name = mechanism, None
        if not initial:
            return Answer(replies.SAY_NOTHING if mechanism == PLAIN else replies.SAY_USER_NAME)
        return self.go_on(b"" if initial == b"=" else initial)

    def go_on(self, line: bytes) -> Answer:
        """Answer one line of the exchange."""
        if line == b"*":
            return self._stop(replies.LOGON_CANCELLED)
        try:
            said = base64.b64decode(line, validate=True).decode()
        except (binascii.Error, ValueError):
            return self._stop(replies.NOT_BASE64)
        if self._mechanism == LOGIN and self._user_name is None:
            self._user_name = said
            return Answer(replies.SAY_PASSWORD)
        credentials = self._credentials(said)
        if credentials is None:
            return self._stop(replies.BAD_PLAIN)
        self._mechanism = b""
        return self._check(credentials)

    def _refusal(self, *, in_transaction: bool) -> bytes:
        site, peer = self._site, self._peer
        if not peer.extended or site.rights.logon is LogonWhen.NEVER:
            return replies.HELLO_FIRST if not peer.name else replies.NOT_IMPLEMENTED
        if not may_log_on(site, peer):
            return replies.LOGON_NEEDS_TLS
        if peer.login is not None:
            return replies.LOGGED_ON_ALREADY
        return replies.NOT_DURING_MAIL if in_transaction else b""

    def _stop(self, reply: bytes) -> Answer:
        self._mechanism = b""
        return Answer(reply, fault=True)

    def _credentials(self, said: str) -> Credentials | None:
        if self._mechanism == LOGIN:
            return Credentials(username=self._user_name or "", password=said[:_MAX_CHARACTERS])
        parts = said.split("\0")
        if len(parts) != _PLAIN_PARTS:
            return None
        acting_as, username, password = parts
        # To act as somebody else is no right that a login has; the empty password fails the check.
        same = acting_as in ("", username)
        return Credentials(username=username, password=password[:_MAX_CHARACTERS] if same else "")

    def _check(self, credentials: Credentials) -> Answer:
        """Look at the password even where the answer is no: every answer takes the same time."""
        site, now = self._site, self._site.now()
        login = site.registry.logins.check(credentials.username, credentials.password, now=now)
        if site.logon_guard.is_locked(self._peer.address, now=now):
            return Answer(replies.LOGON_LOCKED)
        if login is not None:
            self._peer.login = login
            site.registry.used[login.login_id] = now
            return Answer(replies.LOGGED_ON)
        site.logon_guard.failed(self._peer.address, now=now)
        self._failures += 1
        most = site.limits.max_logon_failures
        if most and self._failures > most:
            return Answer(replies.TOO_MANY_LOGONS, then=Then.NOTHING)
        return Answer(replies.LOGON_FAILED)
