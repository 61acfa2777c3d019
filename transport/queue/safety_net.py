"""What is kept of ended messages: their content for the Safety Net, then for a while the rest.

Content goes SafetyNetHoldTime after the last recipient ended, or earlier, the oldest first, when it takes up
more than SafetyNetMaxSize. Rows go two days after the end, or with the content. Each step looks at a bounded
number of messages, reads before it writes, and holds the write lock for a few milliseconds: a server that
takes thousands of messages a second does not notice. The place where a pass stands and the size of what is
kept live in memory; a new process begins anew and counts once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, Sum

from transport import intervals
from transport.bulk import execute_many, marks, moment, select
from transport.models import Content, Message, Queue, TransportServer

KEPT_AFTER_END = timedelta(days=2)
"""How long an ended message and its attempts can still be looked up, at least."""
BATCH = 250
COUNTED_AT_ONCE = 5000
TIME_FOR_ONE_ROUND = timedelta(seconds=0.3)
PASS_INTERVAL = timedelta(seconds=10)


@dataclass(slots=True)
class _Pass:
    """A walk over all messages, the oldest first, that may take several rounds."""

    cursor: int = 0
    rested_at: float = float("-inf")

    def rest(self) -> None:
        """Begin with the oldest next time."""
        self.cursor, self.rested_at = 0, time.monotonic()

    def is_due(self) -> bool:
        return bool(self.cursor) or time.monotonic() - self.rested_at >= PASS_INTERVAL.total_seconds()


@dataclass(slots=True)
class _Kept:
    """What one server keeps."""

    counted: int = 0
    """The newest message that is counted."""
    messages: int = 0
    size_bytes: int = 0
    """Of messages with content, those that wait included."""
    contents: _Pass = field(default_factory=_Pass)
    rows: _Pass = field(default_factory=_Pass)

    def uncount(self, dropped: Sequence[tuple[int, int]]) -> int:
        """Take (number, size) of messages off the count; returns their size."""
        counted = [size_bytes for number, size_bytes in dropped if number <= self.counted]
        self.messages -= len(counted)
        self.size_bytes -= sum(counted)
        return sum(counted)


class SafetyNet:
    """Keeps content and rows within the age and size that each server's settings allow."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def purge(self, server: TransportServer, *, now: datetime) -> int:
        """Delete what is due of this server, and of those that no longer run; returns of how many messages.

        Stops after `TIME_FOR_ONE_ROUND`: the rest goes with the next round.
        """
        ends = time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
        cared_for = TransportServer.objects.filter(Q(pk=server.pk) | Q(taken_over=True))
        gone = 0
        for server_id in cared_for.values_list("pk", flat=True):
            kept = self._kept.setdefault(server_id, _Kept())
            _count(kept, server_id)
            gone += _drop_contents(kept, server_id, now=now, ends=ends)
            gone += _forget_rows(kept, server_id, now=now, ends=ends)
        return gone


def _count(kept: _Kept, server_id: int) -> None:
    """Count what came in since the last look; after a start, a piece of what there is."""
    # By rows, not by numbers: an old message that is still kept may stand far before the others.
    following = Message.objects.filter(pk__gt=kept.counted).order_by("pk").values_list("pk", flat=True)
    until = following[COUNTED_AT_ONCE - 1 : COUNTED_AT_ONCE].first() or following.last()
    if until is None:
        return
    ((messages, size_bytes),) = select(
        "SELECT count(*), coalesce(sum(m.size_bytes), 0) FROM transport_message m"
        " JOIN transport_content c ON c.message_id = m.id AND c.position = 0"
        " WHERE m.id > %s AND m.id <= %s AND m.server_id = %s",
        [kept.counted, until, server_id],
    )
    kept.counted = until
    kept.messages += messages
    kept.size_bytes += int(size_bytes)


def _surplus_bytes(kept: _Kept, server_id: int) -> float:
    """By how much the content of ended messages is too large, about: those that wait count as average."""
    most_bytes = intervals.ceilings_of(server_id).safety_net_max_bytes
    if most_bytes is None or kept.messages <= 0:
        return 0
    waiting = Queue.objects.filter(server=server_id).aggregate(all=Sum("message_count"))["all"] or 0
    ended = max(0, kept.messages - waiting)
    return kept.size_bytes * ended / kept.messages - most_bytes


def _drop_contents(kept: _Kept, server_id: int, *, now: datetime, ends: float) -> int:
    before = now - intervals.schedule_of(server_id).safety_net_hold_time
    if not kept.contents.is_due():
        return 0
    surplus_bytes = _surplus_bytes(kept, server_id)
    dropped = 0
    while time.monotonic() < ends:
        window = _contents_after(kept.contents.cursor)
        too_much = surplus_bytes > 0
        ended: Sequence[tuple[int, int]] = ()
        if window:
            ended = _ended(window, server_id, before=None if too_much else before)
        if too_much:
            ended = _as_many_as(ended, size_bytes=surplus_bytes)
        if ended:
            with transaction.atomic():
                Content.objects.filter(message__in=[number for number, _ in ended]).delete()
            surplus_bytes -= kept.uncount(ended)
            dropped += len(ended)
        if too_much and surplus_bytes <= 0:
            # The rest of the window may be old enough all the same.
            continue
        if len(window) < BATCH or (not too_much and _is_newer(window[-1], before=before)):
            kept.contents.rest()
            break
        kept.contents.cursor = window[-1]
        # A greenlet that worked lets the others run.
        time.sleep(0)
    return dropped


def _as_many_as(ended: Sequence[tuple[int, int]], *, size_bytes: float) -> Sequence[tuple[int, int]]:
    """The first of these that together have so many bytes, or all."""
    total = 0
    for place, (_, size) in enumerate(ended):
        if total >= size_bytes:
            return ended[:place]
        total += size
    return ended


def _forget_rows(kept: _Kept, server_id: int, *, now: datetime, ends: float) -> int:
    hold_time = intervals.schedule_of(server_id).safety_net_hold_time
    before = now - max(KEPT_AFTER_END, hold_time)
    forgotten = 0
    while kept.rows.is_due() and time.monotonic() < ends:
        window = [row[0] for row in select(_ROWS, [kept.rows.cursor, BATCH])]
        at_the_end = len(window) < BATCH or _is_newer(window[-1], before=before)
        bare = _without_content(window)
        ended = [number for number, _ in _ended(bare, server_id, before=before)] if bare else []
        if ended:
            with transaction.atomic():
                _delete_messages(ended)
            forgotten += len(ended)
        if at_the_end:
            kept.rows.rest()
            break
        kept.rows.cursor = window[-1]
        time.sleep(0)
    return forgotten


_ROWS = "SELECT id FROM transport_message WHERE id > %s ORDER BY id LIMIT %s"


def _contents_after(cursor: int) -> list[int]:
    """Numbers of the next messages that have content, from the index alone."""
    rows = Content.objects.filter(message__gt=cursor, position=0).order_by("message_id")
    return list(rows.values_list("message_id", flat=True)[:BATCH])


def _without_content(numbers: Sequence[int]) -> list[int]:
    there = Content.objects.filter(message__in=numbers, position=0)
    kept = set(there.values_list("message_id", flat=True))
    return [number for number in numbers if number not in kept]


def _ended(numbers: Sequence[int], server_id: int, *, before: datetime | None) -> list[tuple[int, int]]:
    """(number, size) of those messages of a server of which nothing waits, nor ended since `before`."""
    lately = (
        " AND m.received_at < %s AND NOT EXISTS (SELECT 1 FROM transport_recipient r"
        " WHERE r.message_id = m.id AND r.ended_at >= %s)"
    )
    parameters = [*numbers, server_id] + ([] if before is None else [moment(before)] * 2)
    rows = select(
        f"SELECT m.id, m.size_bytes FROM transport_message m WHERE m.id IN ({marks(numbers)})"
        " AND m.server_id = %s"
        " AND NOT EXISTS (SELECT 1 FROM transport_queuedmessage q WHERE q.message_id = m.id)"
        f"{'' if before is None else lately} ORDER BY m.id",
        parameters,
    )
    return [(number, size_bytes) for number, size_bytes in rows]


def _is_newer(number: int, *, before: datetime) -> bool:
    """Whether nothing behind this message can be due: messages are numbered as they come in."""
    return not Message.objects.filter(pk=number, received_at__lt=before).exists()


def _delete_messages(numbers: Sequence[int]) -> None:
    """Children first; Django's cascade would read every row before it deletes it."""
    rows = [(number,) for number in numbers]
    for table in ("attempt", "recipient", "content"):
        execute_many(f"DELETE FROM transport_{table} WHERE message_id = %s", rows)
    execute_many("DELETE FROM transport_message WHERE id = %s", rows)
