"""All that the dashboard shows, in a number of queries that does not depend on how much mail waits."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, Sum

from admincenter.dashboard import changes, health, mail
from admincenter.dashboard.causes import Ailment, Cause, Trouble, group, shortened
from admincenter.dashboard.changes import Change
from admincenter.dashboard.health import ConnectorRow, ServerRow
from admincenter.dashboard.mail import Mail
from connectors.models import SendConnector
from transport import servers
from transport.back_pressure import Level
from transport.cleaning import clean_text
from transport.models import Queue, QueuedMessage, ResourcePressure, TransportServer
from transport.states import ComponentState, DeliveryType, QueuedState

MOST_TROUBLED = 1000
"""Queues in trouble that are looked at, the fullest first."""
MOST_CONNECTORS = 200
MOST_SERVERS = 100
CAUSES_SHOWN = 6
ROWS_SHOWN = 8
_PERSISTENT: Mapping[str, Ailment] = {
    DeliveryType.UNREACHABLE: Ailment.UNROUTED,
    DeliveryType.POISON: Ailment.POISON,
}


class Waiting(NamedTuple):
    """Mail of one server for one send connector (0: for none)."""

    server_id: int
    connector_id: int
    queues: int
    messages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Oldest:
    """The message that waits longest, and where."""

    received_at: datetime
    queue_id: int
    queue_identity: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The page."""

    mail: Mail
    waiting: int
    queue_count: int
    """Queues with messages."""
    oldest: Oldest | None
    causes: Sequence[Cause]
    more_causes: int
    cut: bool
    """There are more queues in trouble than were looked at."""
    connectors: Sequence[ConnectorRow]
    connector_count: int
    more_connectors: int
    servers: Sequence[ServerRow]
    more_servers: int
    changes: Sequence[Change]


def read(*, now: datetime) -> Overview:
    """Read everything as it is now."""
    waiting = _waiting()
    troubled = _troubled()
    causes = group(_trouble(one) for one in troubled[:MOST_TROUBLED])
    machines = list(TransportServer.objects.order_by("name")[:MOST_SERVERS])
    server_rows = sorted(_server_rows(machines, waiting=waiting, now=now), key=lambda row: row.health.grade)
    alive = {one.name for one in machines if servers.is_alive(one, now=now)}
    connector_rows = sorted(
        _connector_rows(alive=alive, waiting=waiting, troubled=troubled), key=lambda row: row.health.grade
    )
    return Overview(
        mail=mail.read(now=now),
        waiting=sum(row.messages for row in waiting),
        queue_count=sum(row.queues for row in waiting),
        oldest=_oldest(),
        causes=causes[:CAUSES_SHOWN],
        more_causes=len(causes[CAUSES_SHOWN:]),
        cut=len(troubled) > MOST_TROUBLED,
        connectors=connector_rows[:ROWS_SHOWN],
        connector_count=len(connector_rows),
        more_connectors=len(connector_rows[ROWS_SHOWN:]),
        servers=server_rows[:ROWS_SHOWN],
        more_servers=len(server_rows[ROWS_SHOWN:]),
        changes=changes.latest(),
    )


def _waiting() -> Sequence[Waiting]:
    """What waits, by server and connector, from the counts that queues keep."""
    held = Queue.objects.filter(message_count__gt=0).values_list("server_id", "connector_id")
    return [Waiting(*row) for row in held.annotate(Count("pk"), Sum("message_count")).order_by()]


def _oldest() -> Oldest | None:
    # Numbers of messages grow as they are accepted, and a message keeps its number in whatever queue it is.
    first = QueuedMessage.objects.order_by("message_id").select_related("message", "queue__server").first()
    if first is None:
        return None
    return Oldest(
        received_at=first.message.received_at, queue_id=first.queue_id, queue_identity=first.queue.identity
    )


def _troubled() -> Sequence[Queue]:
    """The queues in trouble, the fullest first: one more than are shown, to tell whether there are more."""
    put_off = QueuedMessage.objects.filter(queue=OuterRef("pk"), state=QueuedState.RETRY)
    failing = ~Q(last_error="") & (Q(next_retry_at__isnull=False) | Exists(put_off))
    stuck = Q(suspended=True) | Q(delivery_type__in=list(_PERSISTENT))
    found = Queue.objects.filter(failing | stuck, message_count__gt=0)
    return list(found.order_by("-message_count", "pk")[: MOST_TROUBLED + 1])


def _trouble(queue: Queue) -> Trouble:
    ailment = _ailment(queue)
    failing_since = queue.first_retry_at or queue.last_error_at
    return Trouble(
        ailment=ailment,
        error=queue.last_error,
        host=queue.last_error_host,
        message_count=queue.message_count,
        since=failing_since if ailment is Ailment.ERROR else None,
    )


def _ailment(queue: Queue) -> Ailment:
    if queue.suspended:
        return Ailment.SUSPENDED
    return _PERSISTENT.get(queue.delivery_type, Ailment.ERROR)


def _server_rows(
    machines: Sequence[TransportServer], *, waiting: Sequence[Waiting], now: datetime
) -> Iterator[ServerRow]:
    messages: Counter[int] = Counter()
    for row in waiting:
        messages[row.server_id] += row.messages
    pressed = _pressed()
    for one in machines:
        alive = servers.is_alive(one, now=now)
        yield ServerRow(
            name=clean_text(one.name, limit=64),
            health=health.of_server(
                alive=alive,
                draining=one.component_state == ComponentState.DRAINING,
                redirected=one.redirect_to_id is not None,
                pressed=pressed.get(one.pk, {}),
            ),
            waiting=messages[one.pk],
            silent_since=None if alive else one.last_beat_at,
        )


def _pressed() -> Mapping[int, dict[str, int]]:
    """Levels of the resources that are pressed, by server."""
    found: dict[int, dict[str, int]] = {}
    pressed = ResourcePressure.objects.filter(level__gt=Level.NORMAL)
    for server_id, resource, level in pressed.values_list("server_id", "resource", "level"):
        found.setdefault(server_id, {})[resource] = level
    return found


def _connector_rows(
    *, alive: set[str], waiting: Sequence[Waiting], troubled: Sequence[Queue]
) -> Iterator[ConnectorRow]:
    messages: Counter[int] = Counter()
    for row in waiting:
        messages[row.connector_id] += row.messages
    latest = _latest_troubles(troubled)
    for one in SendConnector.objects.prefetch_related("source_servers").by_name()[:MOST_CONNECTORS]:
        trouble = latest.get(one.pk)
        yield ConnectorRow(
            pk=one.pk,
            name=one.name,
            health=health.of_connector(
                enabled=one.enabled,
                source_servers=[row.server_name for row in one.source_servers.all()],
                alive=alive,
                in_trouble=trouble is not None,
            ),
            waiting=messages[one.pk],
            trouble=shortened(clean_text(trouble.last_error, limit=400)) if trouble else "",
            trouble_at=trouble.last_error_at if trouble else None,
        )


def _latest_troubles(troubled: Sequence[Queue]) -> Mapping[int, Queue]:
    """By connector, the queue whose error is the latest."""
    found: dict[int, tuple[datetime, Queue]] = {}
    for queue in troubled:
        at = queue.last_error_at
        if at is not None and (queue.connector_id not in found or at > found[queue.connector_id][0]):
            found[queue.connector_id] = at, queue
    return {connector_id: queue for connector_id, (_, queue) in found.items()}
