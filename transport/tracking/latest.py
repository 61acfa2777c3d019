"""The newest messages that a search means, and what became of each: the questions of a list, not of a log."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.db.models import Q

from transport.models import TrackingEvent, TransportServer
from transport.tracking.log import Search, conditions, opens
from transport.tracking.words import EventId

_ENDS = (EventId.SEND, EventId.FAIL, EventId.DROP)


class Place(NamedTuple):
    """Where a list goes on: behind this line."""

    at: datetime
    pk: int


@dataclass(slots=True)
class Fate:
    """What the log knows of the recipients of one message."""

    delivered: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    put_off: bool = False
    """Some recipient had to wait at least once."""


def latest(search: Search, *, most: int, before: Place | None = None) -> list[TrackingEvent]:
    """Give the lines that open the stories of messages, the newest first, at most so many.

    Each server is read backwards along its index of time, until enough is found.
    """
    wanted = TrackingEvent.objects.filter(conditions(search), opens(search))
    if before is not None:
        wanted = wanted.filter(Q(at__lt=before.at) | Q(at=before.at, pk__lt=before.pk))
    servers = [one.pk for one in search.servers] or list(TransportServer.objects.values_list("pk", flat=True))
    streams = [
        wanted.filter(server_id=server_id, **_range(search)).order_by("-at", "-pk")[:most]
        for server_id in servers
    ]
    return list(islice(heapq.merge(*streams, key=lambda line: (line.at, line.pk), reverse=True), most))


def fates(message_ids: Collection[int]) -> Mapping[int, Fate]:
    """Give what became of these messages; one query, whose work grows with their recipients."""
    found: dict[int, Fate] = defaultdict(Fate)
    lines = TrackingEvent.objects.filter(message_id__in=message_ids, event__in=_ENDS)
    for message_id, event, recipients in lines.values_list("message_id", "event", "recipients").iterator():
        fate, addresses = found[message_id], recipients.split("\n")
        (fate.delivered if event == EventId.SEND else fate.failed).update(addresses)
    for message_id in _put_off(message_ids):
        found[message_id].put_off = True
    return found


def _put_off(message_ids: Collection[int]) -> Sequence[int]:
    deferred = TrackingEvent.objects.filter(message_id__in=message_ids, event=EventId.DEFER)
    return list(deferred.values_list("message_id", flat=True).distinct())


def _range(search: Search) -> dict[str, datetime]:
    bounds = {"at__gte": search.start, "at__lte": search.end}
    return {name: value for name, value in bounds.items() if value is not None}
