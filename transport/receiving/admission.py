"""Who may send what to whom: the decisions at MAIL, RCPT and AUTH, each a reply or nothing."""

import re

from transport.receiving import replies
from transport.receiving.peer import Peer
from transport.receiving.site import LogonWhen, Site

_ROUTED = re.compile(r'[%!@"]')
"""In a local part: `user%victim@here` and `victim!user` ask the host here to send it on (RFC 5321 7.9)."""


def is_trusted(site: Site, peer: Peer) -> bool:
    """Tell whether a client signed in, or may relay because of where it comes from."""
    return peer.login is not None or site.rights.relay


def may_log_on(site: Site, peer: Peer) -> bool:
    """Tell whether AUTH is open to a client as it stands."""
    when = site.rights.logon
    return when is LogonWhen.ALWAYS or (when is LogonWhen.UNDER_TLS and peer.tls is not None)


def offers_starttls(site: Site, peer: Peer) -> bool:
    """Tell whether STARTTLS is announced."""
    return site.rights.starttls and peer.tls is None and site.encryption() is not None


def sender_refusal(site: Site, peer: Peer, address: str) -> bytes:
    """Give the reply that refuses MAIL; empty when the client may begin."""
    rights = site.rights
    if rights.require_tls and peer.tls is None:
        return replies.STARTTLS_FIRST
    if peer.login is not None:
        return _login_refusal(site, peer, address)
    if not (rights.anonymous or rights.relay or (rights.partners and peer.tls)):
        return replies.NOT_AUTHENTICATED
    return _rate_refusal(site, peer)


def _login_refusal(site: Site, peer: Peer, address: str) -> bytes:
    """The login counts as it is now, not as it was when the client signed in."""
    now = site.now()
    login = peer.login and site.registry.logins.current(peer.login, now=now)
    if login is None:
        return replies.LOGIN_ENDED
    site.registry.used[login.login_id] = now
    # Reports and receipts of programs come with the null sender; the From field is checked all the same.
    if address and not login.may_send_as(address):
        return cannot_send_as(address, user_name=login.user_name)
    return _rate_refusal(site, peer)


def cannot_send_as(address: str, *, user_name: str) -> bytes:
    """Say that a login is not for this sender."""
    return replies.compose(550, "5.7.60", f"{user_name} is not permitted to send as {address}")


def _rate_refusal(site: Site, peer: Peer) -> bytes:
    most = site.limits.messages_per_minute
    if most is None:
        return b""
    keys = []
    if site.limits.rate_per_source:
        keys.append(peer.address)
    if site.limits.rate_per_login and peer.login is not None:
        keys.append(f"login {peer.login.login_id}")
    now = site.now()
    if all(site.message_rate.allows(key, most=most, now=now) for key in keys):
        return b""
    return replies.compose(450, "4.7.0", f"Message rate limit of {most} a minute exceeded, try again later")


def recipient_refusal(site: Site, peer: Peer, address: str) -> bytes:
    """Give the reply that refuses RCPT; empty when the recipient is taken."""
    local, _, domain = address.rpartition("@")
    accepted = site.registry.domains.find(domain)
    if accepted is None:
        return b"" if is_trusted(site, peer) else replies.UNABLE_TO_RELAY
    if not accepted.routable:
        return replies.NO_SUCH_RECIPIENT
    if _ROUTED.search(local) and not is_trusted(site, peer):
        return replies.UNABLE_TO_RELAY
    return b""
