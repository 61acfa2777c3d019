"""When the login of a connector was refused: who is told what, and when it is tried again."""

from datetime import datetime

from connectors import routing
from connectors.profiles import DeliveryProfile, SmartHostAuth
from transport import intervals
from transport.envelope import Reply, Stage
from transport.models import LoginHold, Queue, TransportServer
from transport.queue import holds


def held(server: TransportServer, profile: DeliveryProfile, *, now: datetime) -> LoginHold | None:
    """Give the hold of a connector that signs in."""
    if profile.credentials is None:
        return None
    return holds.find(server, connector_id=profile.connector_id, version=profile.version, now=now)


def begin(queue_id: int, *, version: int, refusal: Reply, now: datetime) -> tuple[Reply, datetime]:
    """Hold the connector; gives the reply that its queue shows, and when it is tried again.

    Exchange's longest retry interval is the time between two bad logins: providers lock an account after a
    handful within half an hour.
    """
    connector_id = Queue.objects.values_list("connector_id", flat=True).get(pk=queue_id)
    profile = routing.current().profiles.get(connector_id)
    by_token = profile is not None and profile.auth is SmartHostAuth.XOAUTH2
    placed = holds.place(
        queue_id,
        reply=refusal,
        version=version,
        advice="the user name, OAuth client or secret" if by_token else "the user name or password",
        interval=intervals.own_schedule().outbound_connection_failure_retry_interval,
        now=now,
    )
    return reply_of(placed, host=refusal.host, address=refusal.address), placed.until


def reply_of(placed: LoginHold, *, host: str = "", address: str = "") -> Reply:
    """Give the reply that stands for a login that is not tried."""
    return Reply(
        code=454,
        enhanced="4.7.0",
        text=placed.reason,
        stage=Stage.AUTH,
        host=host,
        address=address,
        remote=False,
    )


def lift_outdated(server: TransportServer, *, now: datetime) -> int:
    """Let mail flow at once whose connector was corrected; gives how many connectors that is."""
    versions = {pk: profile.version for pk, profile in routing.current().profiles.items()}
    longest = intervals.schedule_of(server.pk).outbound_connection_failure_retry_interval
    return holds.lift_outdated(server, versions=versions, longest=longest, now=now)
