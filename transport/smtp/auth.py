"""AUTH PLAIN and LOGIN (RFC 4954, RFC 4616): the password goes to the host and nowhere else."""

from base64 import b64encode

from connectors.profiles import Credentials
from transport.envelope import Stage
from transport.smtp.replies import HostReply
from transport.smtp.session import Session

_CONTINUE = 334
_HIDDEN = "*****"


def authenticate(session: Session, credentials: Credentials | None) -> None:
    """Log in with the best mechanism the host offers. Raises SessionFailed at stage AUTH."""
    if credentials is None:
        session.fail(
            454, "4.7.0", "The send connector has no credentials for the smart host", stage=Stage.AUTH
        )
    username, password = _encode(credentials.username), _encode(credentials.password)
    if b"\0" in username + password:
        session.fail(454, "4.7.0", "The user name or the password holds a NUL character", stage=Stage.AUTH)
    if "PLAIN" in session.extensions.auth:
        said = _plain(session, username, password)
    elif "LOGIN" in session.extensions.auth:
        said = _login(session, username, password)
    else:
        session.fail(454, "4.7.0", _no_mechanism(session.extensions.auth), stage=Stage.AUTH)
    if not said.positive:
        session.refuse(said, stage=Stage.AUTH)


def _encode(text: str) -> bytes:
    # A lone surrogate cannot be part of what the host knows: let the host refuse it.
    return text.encode(errors="replace")


def _no_mechanism(offered: frozenset[str]) -> str:
    if not offered:
        return "The smart host does not offer AUTH"
    names = ", ".join(sorted(offered)[:10])
    return f"The smart host offers none of AUTH PLAIN and LOGIN, only {names}"


def _plain(session: Session, username: bytes, password: bytes) -> HostReply:
    response = b64encode(b"\0%b\0%b" % (username, password))
    return session.ask(
        b"AUTH PLAIN %b\r\n" % response,
        stage=Stage.AUTH,
        shown=f"AUTH PLAIN {_HIDDEN}",
        secrets=_echoes(response, password),
    )


def _login(session: Session, username: bytes, password: bytes) -> HostReply:
    said = session.ask(b"AUTH LOGIN\r\n", stage=Stage.AUTH)
    for part in (username, password):
        if said.code != _CONTINUE:
            return said
        response = b64encode(part)
        said = session.ask(
            response + b"\r\n", stage=Stage.AUTH, shown=_HIDDEN, secrets=_echoes(response, password)
        )
    return said


def _echoes(response: bytes, password: bytes) -> list[bytes]:
    """The forms in which a host may repeat the secret in its answer."""
    return [response, b64encode(password), password]
