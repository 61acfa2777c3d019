"""Mail per minute and server, in and out, kept for eight days: what charts are drawn from.

The counters of the queues are the source. Each queue remembers how much of them is noted, and both change in
one transaction: whoever looks, however often, nothing counts twice or is forgotten. What came and went while
no clock of the server ran counts in the minute in which one runs again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, Sum

from transport.bulk import execute_many, marks, moment, select
from transport.models import MailMinute, TransportServer

KEPT_FOR = timedelta(days=8)
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Minute:
    """What came and went in one minute, on all servers together, in messages."""

    at: datetime
    """Its beginning."""
    incoming: int
    outgoing: int


def note(server_id: int, queue_ids: Collection[int], *, now: datetime) -> None:
    """Add what these queues of a server took in and sent to the present minute; must run in a transaction.

    The queues stay locked until it ends.
    """
    rows = _unnoted(sorted(queue_ids)) if queue_ids else []
    execute_many(
        "UPDATE transport_queue SET entered_noted = entered_noted + %s, departed_noted = departed_noted + %s"
        " WHERE id = %s",
        [(came, went, queue_id) for queue_id, came, went in rows if came or went],
    )
    incoming, outgoing = sum(row[1] for row in rows), sum(row[2] for row in rows)
    execute_many(
        "INSERT INTO transport_mailminute (server_id, minute, incoming, outgoing) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (minute, server_id) DO UPDATE SET"
        " incoming = transport_mailminute.incoming + excluded.incoming,"
        " outgoing = transport_mailminute.outgoing + excluded.outgoing",
        [(server_id, moment(minute_of(now)), incoming, outgoing)],
    )


def _unnoted(queue_ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Queue id, what came and what went since it was last noted; locked, so that nobody else notes it too."""
    lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    statement = (
        "SELECT id, entered - entered_noted, departed - departed_noted FROM transport_queue"
        f" WHERE id IN ({marks(queue_ids)}) ORDER BY id{lock}"
    )
    return [(row[0], row[1], row[2]) for row in select(statement, queue_ids)]


def minute_of(at: datetime) -> datetime:
    """Return the beginning of the minute."""
    return at.replace(second=0, microsecond=0)


def minutes(*, start: datetime, end: datetime) -> Sequence[Minute]:
    """Give the minutes that were noted from `start` to before `end`, the oldest first; others are unknown."""
    rows = MailMinute.objects.filter(minute__gte=start, minute__lt=end).values_list("minute")
    sums = rows.annotate(came=Sum("incoming"), went=Sum("outgoing")).order_by("minute")
    return [Minute(at, came, went) for at, came, went in sums]


def purge(server: TransportServer, *, now: datetime) -> int:
    """Forget a batch of minutes that are too old, of this server and of those that no longer run."""
    cared_for = Q(server=server) | Q(server__taken_over=True)
    old = MailMinute.objects.filter(cared_for, minute__lt=now - KEPT_FOR)
    ids = list(old.order_by("minute").values_list("pk", flat=True)[:BATCH])
    return MailMinute.objects.filter(pk__in=ids).delete()[0] if ids else 0
