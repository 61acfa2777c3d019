"""What a reply means: delivered, deferred or failed, and who is to blame. The only opinion on 4yz and 5yz."""

from dataclasses import dataclass
from enum import StrEnum

from transport.envelope import Reply, Stage


class Scope(StrEnum):
    """Who or what a refusal is about."""

    HOST = "host"
    """The host, or the next hop as a whole: it says nothing about the message."""
    MESSAGE = "message"
    RECIPIENT = "recipient"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """The host answered our final dot with 2yz: it has the message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deferred:
    """Not now."""

    scope: Scope
    try_next_host: bool = True
    """False when another host is no cure, or could get a second copy."""
    split: bool = False
    """Too many recipients in one transaction: the rest goes at once in another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """Never."""

    scope: Scope
    try_next_host: bool = False
    """True when only this host cannot take it (too large, 8BITMIME or SMTPUTF8 missing)."""


Verdict = Delivered | Deferred | Failed

_BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.QUIT})
"""Whatever is refused here is the host's trouble with us: it has not heard of the message yet."""

_HOST_CODES = frozenset({421, 503, 530, 534, 535, 538})
"""Closing; commands out of order; login or TLS missing or wrong (RFC 4954 section 6, RFC 3207 section 4)."""

_HOST_TROUBLE = frozenset({"4.3.1", "4.3.2", "4.3.5"})
"""RFC 3463 section 3.4: full, not accepting mail, wrongly configured."""

_ONLY_THIS_HOST = frozenset({"5.3.4", "5.6.3", "5.6.7"})

_TOO_MANY_RECIPIENTS = {452: ("", "4.5.3"), 552: ("", "5.5.3"), 550: ("5.5.3",), 554: ("5.5.3",)}
"""At RCPT. RFC 5321 section 4.5.3.1.10: 552 without more is 452 as RFC 821 wrongly named it."""


def judge(reply: Reply, *, in_doubt: bool = False) -> Verdict:
    """Return what `reply` means for the recipient or message it was given for.

    Unknown means temporary: only a clear 5yz about the message ends it. `in_doubt` says that the final dot
    was sent and not answered: no other host is tried then, for it might get the second copy.
    """
    if not reply.remote:
        return _judge_ours(reply, in_doubt=in_doubt)
    if reply.stage in _BEFORE_MAIL or reply.code in _HOST_CODES or reply.enhanced in _HOST_TROUBLE:
        return Deferred(scope=Scope.HOST)
    scope = Scope.RECIPIENT if reply.stage == Stage.RCPT else Scope.MESSAGE
    if reply.stage == Stage.RCPT and reply.enhanced in _TOO_MANY_RECIPIENTS.get(reply.code, ()):
        return Deferred(scope=scope, try_next_host=False, split=True)
    return _judge_code(reply, scope=scope)


def _judge_ours(reply: Reply, *, in_doubt: bool) -> Verdict:
    """A reply of our own stands for a broken conversation, unless it is a permanent one about mail or DNS."""
    if reply.stage in _BEFORE_MAIL or not _is_permanent(reply):
        return Deferred(scope=Scope.HOST, try_next_host=not in_doubt)
    if reply.stage == Stage.DNS:
        return Failed(scope=Scope.HOST)
    scope = Scope.RECIPIENT if reply.stage in {Stage.RCPT, Stage.QUEUE} else Scope.MESSAGE
    return Failed(scope=scope, try_next_host=reply.enhanced in _ONLY_THIS_HOST)


def _judge_code(reply: Reply, *, scope: Scope) -> Verdict:
    if reply.stage == Stage.DOT and reply.code // 100 == 2:  # noqa: PLR2004 - 2yz, RFC 5321 section 4.2.1
        return Delivered()
    if _is_permanent(reply):
        return Failed(scope=scope)
    return Deferred(scope=scope)


def _is_permanent(reply: Reply) -> bool:
    return reply.code // 100 == 5  # noqa: PLR2004 - 5yz, RFC 5321 section 4.2.1
