"""A refused login holds the mail of its connector on this server, and nobody asks before the time is over."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from transport.envelope import Reply
from transport.models import LoginHold, Queue, TransportServer
from transport.models.queues import REFUSED_LOGIN
from transport.queue import counters


def find(server: TransportServer, *, connector_id: int, version: int, now: datetime) -> LoginHold | None:
    """Give the hold of this version of a connector, None when its login may be tried."""
    return LoginHold.objects.filter(
        server=server, connector_id=connector_id, connector_version=version, until__gt=now
    ).first()


def place(  # noqa: PLR0913 - what happened, when, and what to do
    queue_id: int, *, reply: Reply, version: int, advice: str, interval: timedelta, now: datetime
) -> LoginHold:
    """Hold the connector of this queue for an interval; one that is held stays held as it is."""
    queue = Queue.objects.select_related("server").get(pk=queue_id)
    held = find(queue.server, connector_id=queue.connector_id, version=version, now=now)
    if held is not None:
        return held
    until = now + interval
    reason = (
        f"{REFUSED_LOGIN} at {reply.host[:200]} ({reply.line[:500]}); this connector's mail is held "
        f"until {until:%Y-%m-%d %H:%M:%S} UTC, fix {advice} of send connector {queue.connector_name}"
    )
    held, _ = LoginHold.objects.update_or_create(
        server=queue.server,
        connector_id=queue.connector_id,
        defaults={"connector_version": version, "until": until, "reason": reason},
    )
    return held


def lift(queue_ids: Collection[int]) -> None:
    """Let the connectors of these queues sign in: an administrator wants to see it tried."""
    of_queues = Queue.objects.filter(
        pk__in=queue_ids, server=OuterRef("server"), connector_id=OuterRef("connector_id")
    )
    LoginHold.objects.filter(Exists(of_queues)).delete()


def lift_outdated(
    server: TransportServer, *, versions: Mapping[int, int], longest: timedelta, now: datetime
) -> int:
    """Forget holds of connectors that are another version now, or gone, and let their mail go at once.

    Also those that last longer than they would be told to now. Gives how many.
    """
    outdated = [
        held
        for held in LoginHold.objects.filter(server=server)
        if versions.get(held.connector_id) != held.connector_version or held.until > now + longest
    ]
    for held in outdated:
        waiting = Queue.objects.filter(
            server=server, connector_id=held.connector_id, next_retry_at__gt=now
        ).values_list("pk", flat=True)
        with transaction.atomic():
            ids = list(waiting)
            counters.lock(ids)
            Queue.objects.filter(pk__in=ids, next_retry_at__gt=now).update(next_retry_at=now)
            held.delete()
    LoginHold.objects.filter(server=server, until__lte=now).delete()
    return len(outdated)


def without_held(queues: QuerySet[Queue], *, now: datetime) -> QuerySet[Queue]:
    """Leave out the queues whose connector is held."""
    held = LoginHold.objects.filter(
        server=OuterRef("server"), connector_id=OuterRef("connector_id"), until__gt=now
    )
    return queues.filter(~Exists(held))
