"""Mail that comes one message at a time, without SMTP: a transaction of its own, then a ring."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction

from transport import bell, submission
from transport.envelope import Envelope
from transport.models import HandedIn, TransportServer

REMEMBERED_FOR = timedelta(hours=24)
FORGOTTEN_AT_ONCE = 500
"""How many old keys go with one new one."""


class KeyTaken(Exception):  # noqa: N818 - what was found
    """The key was used for another message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What makes a second handing in of the same message a repetition."""

    name: str
    """Unique among all doors: begin it with the door."""
    content: str = ""
    """Tells whether it really is the same message; empty where the name says enough."""

    @property
    def digest(self) -> str:
        """What is stored of the name."""
        return _digest(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A message that is on disk."""

    message_id: int
    internet_message_id: str
    repeated: bool = False
    """It had been handed in before, with the same key; nothing was stored now."""


def hand_in(envelope: Envelope, *, server: TransportServer, now: datetime, key: Key | None = None) -> Result:
    """Accept one message, once for each key in a day; it is on disk when this returns.

    Raises KeyTaken, and what the database raises when it will not take it.
    """
    try:
        return _store(envelope, server=server, now=now, key=key)
    except IntegrityError:
        # Somebody handed in the same at the same moment, and was first.
        if key is None or (known := find(key)) is None:
            raise
        return known


def find(key: Key) -> Result | None:
    """The message that was handed in with this key, if any. Raises KeyTaken."""
    known = HandedIn.objects.filter(key=key.digest).first()
    if known is None:
        return None
    if known.content != _digest(key.content):
        raise KeyTaken
    return Result(message_id=known.message_id, internet_message_id=known.internet_message_id, repeated=True)


def _store(envelope: Envelope, *, server: TransportServer, now: datetime, key: Key | None) -> Result:
    with transaction.atomic():
        if key is not None and (known := find(key)) is not None:
            return known
        (accepted,) = submission.accept([envelope], server=server, now=now)
        if key is not None:
            _remember(key, accepted, now=now)
        transaction.on_commit(partial(bell.ring, accepted.queues))
    return Result(message_id=accepted.message_id, internet_message_id=accepted.internet_message_id)


def _remember(key: Key, accepted: submission.Accepted, *, now: datetime) -> None:
    HandedIn.objects.create(
        key=key.digest,
        content=_digest(key.content),
        message_id=accepted.message_id,
        internet_message_id=accepted.internet_message_id,
        at=now,
    )
    old = HandedIn.objects.filter(at__lt=now - REMEMBERED_FOR).order_by("at")[:FORGOTTEN_AT_ONCE]
    HandedIn.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
