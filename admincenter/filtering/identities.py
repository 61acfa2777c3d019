r"""What an Identity means, as a condition: `SERVER\42`, `SERVER\contoso.com`, `SERVER\42\1001`."""

import re

from django.db.models import Case, CharField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat

import admincenter.filtering.wildcards  # noqa: F401 - registers the lookup
from transport.states import PERSISTENT

_BY_NAME = {name.lower(): kind for kind, name in PERSISTENT.items()}
"""Queues that are called by a word. There is no poison queue yet: nothing could be in it."""
MAX_CHARACTERS = 1200
_INTEGER = re.compile(r"[0-9]{1,18}")
_QUEUE_PARTS = 2
_MESSAGE_PARTS = 3


class BadIdentity(ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """The text names no queue or message; the message is the rule."""


def queue_condition(text: str, *, server: str, prefix: str = "") -> Q:
    r"""Find queues by `Server\Name`, `Server\42`, `Server\*` or one of them without its server.

    `server` is meant where none is named; `prefix` leads from the table that is asked to the queue
    (`queue__`). Names take `*`. Raises BadIdentity.
    """
    parts = _parts(text)
    if len(parts) > _QUEUE_PARTS:
        raise BadIdentity(r"a queue is named SERVER\42, SERVER\next.hop.domain or SERVER\*")
    server_name, name = (server, *parts)[-_QUEUE_PARTS:]
    return _server(server_name, prefix=prefix) & _named(name, prefix=prefix)


def message_condition(text: str, *, server: str) -> Q:
    r"""Find queued messages by `Server\Queue\1001`, `Queue\1001`, `Server\*\1001` or `1001`.

    Raises BadIdentity.
    """
    *queue, number = _parts(text)
    if not _INTEGER.fullmatch(number) or len(queue) >= _MESSAGE_PARTS:
        raise BadIdentity(r"a message is named SERVER\42\1001, SERVER\*\1001, or 1001 in every queue")
    condition = Q(message_id=int(number))
    if not queue:
        return condition
    return condition & queue_condition("\\".join(queue), server=server, prefix="queue__")


def is_pattern(text: str) -> bool:
    """Tell whether an identity may mean several objects."""
    return "*" in text


def identity_text(prefix: str = "") -> Combinable:
    r"""Give a queue's `SERVER\42` as a database expression."""
    name = Case(
        *(When(**{f"{prefix}delivery_type": kind}, then=Value(name)) for kind, name in PERSISTENT.items()),
        default=Cast(F(f"{prefix}id"), CharField()),
        output_field=CharField(),
    )
    return Concat(F(f"{prefix}server__name"), Value("\\"), name, output_field=CharField())


def _parts(text: str) -> list[str]:
    parts = text.strip().split("\\")
    if not all(parts) or len(text) > MAX_CHARACTERS or not text.isprintable():
        raise BadIdentity("an identity has no empty part")
    return parts


def _server(name: str, *, prefix: str) -> Q:
    return Q() if name == "*" else Q(**{f"{prefix}server__name__{_lookup(name)}": name})


def _named(name: str, *, prefix: str) -> Q:
    kind = f"{prefix}delivery_type"
    if name == "*":
        return Q()
    if _INTEGER.fullmatch(name):
        return Q(**{f"{prefix}id": int(name)}) & ~Q(**{f"{kind}__in": list(PERSISTENT)})
    if name.lower() in _BY_NAME:
        return Q(**{kind: _BY_NAME[name.lower()]})
    domain = Q(**{f"{prefix}next_hop_domain__{_lookup(name)}": name})
    return domain & ~Q(**{f"{kind}__in": list(PERSISTENT)})


def _lookup(name: str) -> str:
    return "wildcard" if is_pattern(name) else "iexact"
