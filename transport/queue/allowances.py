"""Messages per day: what send connectors sent and have in hand, counted for all servers in the database.

Only connectors with such a limit cost anything here.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection

from transport.allowance import HOUR, WINDOW, Allowance, hour_of, oldest_hour
from transport.bulk import execute_many, marks, moment, select
from transport.concurrency import Hold
from transport.models import SentInHour
from transport.throttles import ConnectorLimits

_GONE = 2 * WINDOW


def lock(connector_ids: Collection[int], *, now: datetime) -> None:
    """Keep other servers from taking mail of these connectors in hand until the transaction ends."""
    hour = moment(hour_of(now))
    # In the order of their numbers, so that no two servers wait for each other.
    execute_many(
        "INSERT INTO transport_sentinhour (connector_id, hour, messages) VALUES (%s, %s, 0)"
        " ON CONFLICT (connector_id, hour) DO NOTHING",
        [(connector_id, hour) for connector_id in sorted(connector_ids)],
    )
    if connection.features.has_select_for_update:
        select(
            "SELECT id FROM transport_sentinhour"
            f" WHERE connector_id IN ({marks(connector_ids)}) AND hour = %s ORDER BY connector_id FOR UPDATE",
            [*connector_ids, hour],
        )


def count(taken: Mapping[int, int], *, now: datetime) -> None:
    """Count messages that hosts took, by connector; `lock` comes first."""
    execute_many(
        "UPDATE transport_sentinhour SET messages = messages + %s WHERE connector_id = %s AND hour = %s",
        [(count, connector_id, moment(hour_of(now))) for connector_id, count in sorted(taken.items())],
    )


def allowance(connector_id: int, *, limit: int, now: datetime) -> Allowance:
    """Read what one connector may still send; behind `lock` it stays true until the transaction ends."""
    sent = SentInHour.objects.filter(connector_id=connector_id, hour__gte=oldest_hour(now=now))
    in_hand = select(
        "SELECT count(*) FROM transport_queuedmessage m JOIN transport_queue q ON q.id = m.queue_id"
        " WHERE m.session_id IS NOT NULL AND q.connector_id = %s",
        [connector_id],
    )
    return Allowance(limit=limit, by_hour=dict(sent.values_list("hour", "messages")), in_hand=in_hand[0][0])


def hold(connector: ConnectorLimits, *, now: datetime) -> Hold | None:
    """Give the limit of a connector and what it leaves, in messages; None when it has none."""
    if connector.messages_per_day is None:
        return None
    found = allowance(connector.connector_id, limit=connector.messages_per_day, now=now)
    limit = connector.messages_per_day
    said = f"{limit:,} message{'s' * (limit != 1)} per day of send connector {connector.name}"
    goes_on_at = found.goes_on_at(now=now)
    if goes_on_at is not None:
        said += f", goes on at {goes_on_at:%H:%M} UTC"
    return Hold(room=found.left(now=now), said=said, of_messages=True)


def purge(_server: object, *, now: datetime) -> int:
    """Forget the hours that count for nothing any more; returns how many."""
    return SentInHour.objects.filter(hour__lt=hour_of(now) - _GONE - HOUR).delete()[0]
