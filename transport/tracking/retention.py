"""What is too old, or too much, leaves the message tracking log; the oldest lines go first."""

import math
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BigIntegerField, Q, Sum, Value
from django.db.models.functions import Coalesce, Length

from transport.intervals import keeping_of
from transport.models import TrackingEvent, TransportServer

BATCH = 1000
"""Lines that one transaction deletes: it holds up mail for a few milliseconds."""
MOST_PER_ROUND = 20_000
"""A server that takes 2,000 messages a second writes 4,000 lines; so a backlog of lines gets shorter."""
TIME_FOR_ONE_ROUND = timedelta(milliseconds=300)
MEASURE_INTERVAL = timedelta(minutes=1)
SAMPLES, SAMPLE = 10, 100
"""How many places of the log are looked at to tell its size, and how many lines there."""
LINE_OVERHEAD_BYTES = 120
"""What a line takes up beside its texts: numbers, times, its place in three trees (measured on SQLite)."""
_TEXTS = (
    "event", "source", "connector", "peer_name", "peer_address", "recipients", "statuses", "context",
    "reference", "custom_data", "sender", "internet_message_id", "subject",
)  # fmt: skip


class Retention:
    """Keeps the log within the age and the size that each server's settings allow."""

    def __init__(self) -> None:
        self._measured_at = -math.inf
        self._surplus: dict[int, int] = {}
        """Lines that are too many, by server, since the last measurement."""

    def purge(self, server: TransportServer, *, now: datetime) -> int:
        """Delete what is due of this server, and of those that no longer run; returns how many lines.

        Stops after `TIME_FOR_ONE_ROUND`: the rest goes with the next round.
        """
        cared_for = list(TransportServer.objects.filter(Q(pk=server.pk) | Q(taken_over=True)))
        if time.monotonic() - self._measured_at >= MEASURE_INTERVAL.total_seconds():
            self._surplus = {one.pk: _surplus(one) for one in cared_for}
            self._measured_at = time.monotonic()
        ends = time.monotonic() + TIME_FOR_ONE_ROUND.total_seconds()
        return sum(self._purge_one(one.pk, now=now, ends=ends) for one in cared_for)

    def _purge_one(self, server_id: int, *, now: datetime, ends: float) -> int:
        deleted = 0
        while deleted < MOST_PER_ROUND and (gone := self._delete_batch(server_id, now=now)):
            deleted += gone
            self._surplus[server_id] = max(0, self._surplus.get(server_id, 0) - gone)
            if gone < BATCH or time.monotonic() >= ends:
                break
        return deleted

    def _delete_batch(self, server_id: int, *, now: datetime) -> int:
        lines = TrackingEvent.objects.filter(server_id=server_id).order_by("at", "pk")
        age = keeping_of(server_id).message_tracking_log_max_age
        with transaction.atomic():
            due: list[int] = []
            if age:
                due = list(lines.filter(at__lt=now - age).values_list("pk", flat=True)[:BATCH])
            if not due:
                surplus = self._surplus.get(server_id, 0)
                due = list(lines.values_list("pk", flat=True)[: min(surplus, BATCH)])
            TrackingEvent.objects.filter(pk__in=due).delete()
        return len(due)


def _surplus(server: TransportServer) -> int:
    """How many lines of this server are more than it may keep, about."""
    most_bytes = keeping_of(server.pk).message_tracking_log_max_directory_bytes
    if most_bytes is None:
        return 0
    count, line_bytes = _measure(server.pk)
    return max(0, count - int(most_bytes / line_bytes)) if count else 0


def _measure(server_id: int) -> tuple[int, float]:
    """How many lines a server has and how large one is: an estimate, for a count would read them all."""
    own = TrackingEvent.objects.filter(server_id=server_id)
    first = own.order_by("at", "pk").values_list("pk", flat=True).first()
    last = own.order_by("-at", "-pk").values_list("pk", flat=True).first()
    if first is None or last is None:
        return 0, 0.0
    span = abs(last - first) + 1
    seen = counted = size = 0
    for number in range(SAMPLES):
        begin = min(first, last) + span * number // SAMPLES
        window = min(SAMPLE, math.ceil(span / SAMPLES))
        there = own.filter(pk__gte=begin, pk__lt=begin + window)
        lines = there.count()
        seen, counted = seen + window, counted + lines
        size += int(there.aggregate(total=_texts())["total"] or 0)
    return span * counted // seen, size / max(counted, 1) + LINE_OVERHEAD_BYTES


def _texts() -> Sum:
    lengths = Coalesce(Length(_TEXTS[0]), Value(0), output_field=BigIntegerField())
    total = sum((Length(name) for name in _TEXTS[1:]), start=lengths)
    return Sum(total)
