"""AUTH PLAIN, LOGIN, CRAM-MD5 and XOAUTH2: the secret goes to the host and nowhere else.

RFC 4954, RFC 4616, RFC 2195; XOAUTH2 is what Google and Microsoft document.
"""

import binascii
import hmac
from base64 import b64decode, b64encode

from connectors.profiles import Credentials, SmartHostAuth
from transport.envelope import Stage
from transport.oauth import TokenRefused, TokenSource, TokenUnavailable
from transport.smtp.logins import Login, RefusedBefore, WaitedTooLong
from transport.smtp.replies import HostReply
from transport.smtp.session import Session

_CONTINUE = 334
_HIDDEN = "*****"
_ENCRYPTED = ("PLAIN", "LOGIN", "CRAM-MD5")
_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")
"""Best first. CRAM-MD5 shows the password to nobody on the way; inside TLS nobody is there, and a host that
can check it has to store the password itself."""
_BROKEN_CHALLENGE = "The challenge of the host for CRAM-MD5 is no Base64"


def sign_in(session: Session, login: Login, *, encrypted: bool) -> None:
    """Log in, when it is this session's turn. Raises SessionFailed at stage AUTH."""
    try:
        with login.turn.taken(since=login.since, seconds=session.seconds[Stage.AUTH]):
            if login.auth is SmartHostAuth.XOAUTH2:
                _with_token(session, login)
            else:
                _with_password(session, login.credentials, encrypted=encrypted)
    except RefusedBefore as before:
        reply = before.reply
        text = f"{reply.text} (another session was told so just now; not asked again)"
        session.fail(reply.code, reply.enhanced, text, stage=Stage.AUTH)
    except WaitedTooLong:
        text = "The logins of other sessions of this connector took too long"
        session.fail(421, "4.4.2", text, stage=Stage.AUTH)


def _with_password(session: Session, credentials: Credentials | None, *, encrypted: bool) -> None:
    """Use the best mechanism that the host offers."""
    username, password = _texts(session, credentials)
    offered = session.extensions.auth
    chosen = next((one for one in (_ENCRYPTED if encrypted else _CLEAR) if one in offered), "")
    if chosen == "PLAIN":
        said = _plain(session, username, password)
    elif chosen == "LOGIN":
        said = _login(session, username, password)
    elif chosen == "CRAM-MD5":
        said = _cram_md5(session, username, password)
    else:
        session.fail(454, "4.7.0", _no_mechanism(offered, "AUTH PLAIN, LOGIN and CRAM-MD5"), stage=Stage.AUTH)
    if not said.positive:
        session.refuse(said, stage=Stage.AUTH)


def _texts(session: Session, credentials: Credentials | None) -> tuple[bytes, bytes]:
    if credentials is None:
        session.fail(
            454, "4.7.0", "The send connector has no credentials for the smart host", stage=Stage.AUTH
        )
    # A lone surrogate cannot be part of what the host knows: let the host refuse it.
    username, password = (
        text.encode(errors="replace") for text in (credentials.username, credentials.password)
    )
    if b"\0" in username + password:
        session.fail(454, "4.7.0", "The user name or the password holds a NUL character", stage=Stage.AUTH)
    return username, password


def _no_mechanism(offered: frozenset[str], wanted: str) -> str:
    if not offered:
        return "The smart host does not offer AUTH"
    names = ", ".join(sorted(offered)[:10])
    return f"The smart host offers none of {wanted}, only {names}"


def _plain(session: Session, username: bytes, password: bytes) -> HostReply:
    response = b64encode(b"\0%b\0%b" % (username, password))
    session.hide(response, b64encode(password), password)
    return session.ask(b"AUTH PLAIN %b\r\n" % response, stage=Stage.AUTH, shown=f"AUTH PLAIN {_HIDDEN}")


def _login(session: Session, username: bytes, password: bytes) -> HostReply:
    session.hide(b64encode(password), password)
    said = session.ask(b"AUTH LOGIN\r\n", stage=Stage.AUTH)
    for part in (username, password):
        if said.code != _CONTINUE:
            return said
        said = _respond(session, b64encode(part))
    return said


def _cram_md5(session: Session, username: bytes, password: bytes) -> HostReply:
    said = session.ask(b"AUTH CRAM-MD5\r\n", stage=Stage.AUTH)
    if said.code != _CONTINUE:
        return said
    try:
        challenge = b64decode(said.text, validate=True)
    except (binascii.Error, ValueError):
        _respond(session, b"*")
        session.fail(454, "4.7.0", _BROKEN_CHALLENGE, stage=Stage.AUTH)
    digest = hmac.digest(password, challenge, "md5").hex().encode()
    response = b64encode(b"%b %b" % (username, digest))
    session.hide(response, digest, password, b64encode(password))
    return _respond(session, response)


def _respond(session: Session, response: bytes) -> HostReply:
    return session.ask(response + b"\r\n", stage=Stage.AUTH, shown=_HIDDEN)


def _with_token(session: Session, login: Login) -> None:
    """Sign in with the token at hand; one that the host refuses is replaced once by a new one."""
    if login.credentials is None or login.tokens is None:
        session.fail(454, "4.7.0", "The send connector has no OAuth client", stage=Stage.AUTH)
    if "XOAUTH2" not in session.extensions.auth:
        session.fail(454, "4.7.0", _no_mechanism(session.extensions.auth, "AUTH XOAUTH2"), stage=Stage.AUTH)
    session.hide(login.credentials.password.encode(errors="replace"))
    token, fresh = _token(session, login.tokens)
    said = _xoauth2(session, login.credentials.username, token)
    if said.code // 100 == 5 and not fresh:  # noqa: PLR2004 - 5yz
        token, _ = _token(session, login.tokens, refused=token)
        said = _xoauth2(session, login.credentials.username, token)
    if not said.positive:
        session.refuse(said, stage=Stage.AUTH)


def _token(session: Session, tokens: TokenSource, *, refused: str = "") -> tuple[str, bool]:
    try:
        taken = tokens.take(refused=refused)
    except TokenRefused as error:
        # For us it is what a wrong password is: asked again soon, it would only be refused again.
        session.fail(535, "5.7.8", str(error), stage=Stage.AUTH)
    except TokenUnavailable as error:
        session.fail(454, "4.7.0", str(error), stage=Stage.AUTH)
    return taken.text, taken.fresh


def _xoauth2(session: Session, username: str, token: str) -> HostReply:
    response = b64encode(f"user={username}\x01auth=Bearer {token}\x01\x01".encode(errors="replace"))
    session.hide(response, token.encode(), b64encode(token.encode()))
    said = session.ask(b"AUTH XOAUTH2 %b\r\n" % response, stage=Stage.AUTH, shown=f"AUTH XOAUTH2 {_HIDDEN}")
    # The host says why in a 334, and refuses only after an empty answer.
    return _respond(session, b"") if said.code == _CONTINUE else said
