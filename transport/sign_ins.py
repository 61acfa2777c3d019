"""What the sessions of one worker process share to sign in: turns and tokens, by connector."""

import threading
from time import monotonic

from connectors.profiles import DeliveryProfile, SmartHostAuth
from transport.oauth import TokenSource
from transport.smtp.logins import Login, LoginTurn

_SIGNING_IN = (SmartHostAuth.BASIC, SmartHostAuth.BASIC_REQUIRE_TLS, SmartHostAuth.XOAUTH2)


class SignIns:
    """Kept for one version of each connector: after a change nothing is remembered of what was before."""

    def __init__(self, *, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._shared: dict[int, tuple[int, LoginTurn, TokenSource | None]] = {}

    def login(self, profile: DeliveryProfile, *, since: float | None = None) -> Login | None:
        """Give the login of a session that began at `since`; None for a connector that does not sign in."""
        if profile.auth not in _SIGNING_IN:
            return None
        _, turn, tokens = self._of(profile)
        return Login(
            auth=profile.auth,
            credentials=profile.credentials,
            tokens=tokens,
            turn=turn,
            since=monotonic() if since is None else since,
        )

    def _of(self, profile: DeliveryProfile) -> tuple[int, LoginTurn, TokenSource | None]:
        with self._lock:
            shared = self._shared.get(profile.connector_id)
            if shared is None or shared[0] != profile.version:
                shared = (profile.version, LoginTurn(), self._tokens(profile))
                self._shared[profile.connector_id] = shared
            return shared

    def _tokens(self, profile: DeliveryProfile) -> TokenSource | None:
        if profile.oauth is None or profile.credentials is None:
            return None
        return TokenSource(profile.oauth, profile.credentials.password, ca_file=self._ca_file)
