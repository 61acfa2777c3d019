"""Reads the message tracking log: a search over a range of time, streamed in the order of time.

Nothing here holds a cursor open: each batch is a query of its own that goes on behind the last line, so a
reader of millions of lines holds up nobody.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from transport.models import TrackingEvent, TransportServer
from transport.tracking.stories import Tracked, tell

BATCH = 500
FEW = 200
"""A Message-ID that so many messages bear is looked for line by line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What is looked for; what is empty narrows nothing. Texts are compared whatever their case.

    In addresses `*` at the beginning or the end stands for anything.
    """

    start: datetime | None = None
    end: datetime | None = None
    servers: tuple[TransportServer, ...] = ()
    event: str = ""
    source: str = ""
    message_id: int | None = None
    """The internal one."""
    internet_message_id: str = ""
    sender: str = ""
    """`<>` is the null sender."""
    recipients: tuple[str, ...] = ()
    """Any of them."""
    subject: str = ""
    """A part of it."""
    reference: str = ""


def find(search: Search) -> Iterator[Tracked]:
    """Give the lines, the oldest first."""
    servers = search.servers or tuple(TransportServer.objects.all())
    names = {server.pk: server for server in servers}
    for batch in _batches(_lines(search, list(names))):
        yield from tell(batch, servers=names)


def _batches(lines: Iterator[TrackingEvent]) -> Iterator[list[TrackingEvent]]:
    batch: list[TrackingEvent] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(search: Search, server_ids: Sequence[int]) -> Iterator[TrackingEvent]:
    about = _messages(search)
    if about is not None:
        yield from _of_messages(search, about, server_ids)
        return
    wanted = TrackingEvent.objects.filter(conditions(search), _about_the_message(search))
    streams = [_of_server(wanted, search, server_id) for server_id in server_ids]
    yield from filter(_to(search.recipients), heapq.merge(*streams, key=lambda line: (line.at, line.pk)))


def _messages(search: Search) -> Sequence[int] | None:
    """Ids of the few messages that can be meant, found by number or Message-ID; None when time must tell."""
    if search.message_id is not None:
        return [search.message_id]
    if not search.internet_message_id:
        return None
    opened = TrackingEvent.objects.filter(opens(search))
    ids = list(opened.values_list("message_id", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def _of_messages(search: Search, ids: Sequence[int], server_ids: Sequence[int]) -> Iterator[TrackingEvent]:
    """All lines of a few messages, by their index: time and server are judged here, not there."""
    lines = TrackingEvent.objects.filter(
        conditions(search), _about_the_message(search), message_id__in=ids
    ).order_by()
    in_range = (
        line
        for line in lines
        if line.server_id in server_ids
        and (search.start is None or line.at >= search.start)
        and (search.end is None or line.at <= search.end)
    )
    yield from sorted(filter(_to(search.recipients), in_range), key=lambda line: (line.at, line.pk))


def _of_server(wanted: QuerySet[TrackingEvent], search: Search, server_id: int) -> Iterator[TrackingEvent]:
    wanted = wanted.filter(server_id=server_id).order_by("at", "pk")
    if search.end is not None:
        wanted = wanted.filter(at__lte=search.end)
    rest = wanted if search.start is None else wanted.filter(at__gte=search.start)
    while batch := list(rest[:BATCH]):
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1]
        rest = wanted.filter(at__gte=last.at).exclude(at=last.at, pk__lte=last.pk)


def conditions(search: Search) -> Q:
    """Conditions on the line itself."""
    wanted = Q()
    if search.event:
        wanted &= Q(event=search.event)
    if search.source:
        wanted &= Q(source=search.source)
    if search.reference:
        wanted &= Q(reference__iexact=search.reference)
    if search.recipients:
        parts = Q()
        for address in search.recipients:
            # Whole addresses are told apart in memory, `_to` does it.
            parts |= Q(recipients__icontains=address.strip("*"))
        wanted &= parts
    return wanted


def _to(recipients: Sequence[str]) -> Callable[[TrackingEvent], bool]:
    patterns = [address.lower() for address in recipients]

    def fits(line: TrackingEvent) -> bool:
        addresses = line.recipients.lower().split("\n")
        return not patterns or any(_fits(one, pattern) for one in addresses for pattern in patterns)

    return fits


def _fits(address: str, pattern: str) -> bool:
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*"):
        return core in address
    if pattern.startswith("*"):
        return address.endswith(core)
    return address.startswith(core) if pattern.endswith("*") else address == pattern


def _about_the_message(search: Search) -> Q:
    """Conditions on what stands in the line that opened the story."""
    opening_line = opens(search)
    if opening_line == Q(total_bytes__isnull=False):
        return Q()
    opening = TrackingEvent.objects.filter(opening_line, message_id=OuterRef("message_id"))
    return opening_line | Q(Exists(opening), total_bytes__isnull=True)


def opens(search: Search) -> Q:
    """Conditions on the line that opens a story."""
    wanted = Q(total_bytes__isnull=False)
    if search.sender:
        wanted &= _sent_by(search.sender)
    if search.subject:
        wanted &= Q(subject__icontains=search.subject)
    if search.internet_message_id:
        wanted &= Q(internet_message_id=f"<{search.internet_message_id.strip('<>')}>") | Q(
            internet_message_id=search.internet_message_id
        )
    return wanted


def _sent_by(pattern: str) -> Q:
    if pattern == "<>":
        return Q(sender="")
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*"):
        return Q(sender__icontains=core)
    if pattern.startswith("*"):
        return Q(sender__iendswith=core)
    return Q(sender__istartswith=core) if pattern.endswith("*") else Q(sender__iexact=core)
