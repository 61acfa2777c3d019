"""Queues by next hop, and the sessions that empty them."""

from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least, Now, NullIf

from transport.envelope import Priority
from transport.models.servers import TransportServer
from transport.states import DELIVERABLE, PERSISTENT, ComponentState, DeliveryType, QueuedState

REFUSED_LOGIN = "Authentication failed"
"""With this begins what a queue says whose connector is held (`transport.queue.holds`)."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class QueueQuerySet(QuerySet["Queue"]):
    """Queues as the queue viewer lists them."""

    def with_status(self) -> "QueueQuerySet":
        """Annotate `status` with Exchange's word (exchange.md 4.4), and `next_try_at`.

        `next_try_at`: the next retry of the queue, or of the first message that waits for its own.
        """
        sessions = Session.objects.filter(queue=OuterRef("pk"))
        messages = apps.get_model("transport", "QueuedMessage").objects
        deferred = messages.filter(queue=OuterRef("pk"), state=QueuedState.RETRY)
        return self.annotate(
            next_try_at=Coalesce("next_retry_at", _earliest(deferred)),
            status=Case(
                When(suspended=True, then=Value("Suspended")),
                # A session that has sent its mail keeps the connection for a moment: that is no activity.
                When(Exists(sessions.filter(connected=True)), message_count__gt=0, then=Value("Active")),
                When(Exists(sessions), message_count__gt=0, then=Value("Connecting")),
                When(next_retry_at__isnull=False, message_count__gt=0, then=Value("Retry")),
                default=Value("Ready"),
                output_field=models.CharField(),
            ),
        )


def _earliest(deferred: QuerySet[Any]) -> Combinable:
    """The first next attempt of messages of all priorities: a look into the index for each."""
    by_priority = deferred.order_by("next_attempt_at").values("next_attempt_at")
    firsts = [
        Coalesce(Subquery(by_priority.filter(priority=priority)[:1]), Value(_NEVER)) for priority in Priority
    ]
    return NullIf(Least(*firsts), Value(_NEVER))


class Queue(models.Model):
    """Mail of one server that goes the same way (NextHopSolutionKey, exchange.md 2.2)."""

    server = models.ForeignKey(TransportServer, models.PROTECT, related_name="queues")
    delivery_type = models.CharField(
        max_length=40, choices=[(kind.value, kind.value) for kind in DeliveryType]
    )
    next_hop_domain = models.CharField(max_length=1024)
    next_hop_key = models.CharField(max_length=64)
    """Digest of the next hop domain: the unique key stays short however many smart hosts there are."""
    connector_id = models.BigIntegerField(default=0)
    """0: no connector (submission, unreachable)."""
    connector_name = models.CharField(max_length=64, blank=True)
    suspended = models.BooleanField(default=False)
    message_count = models.BigIntegerField(default=0)
    entered = models.BigIntegerField(default=0)
    """How many messages ever came in; with `departed` it gives the rates."""
    departed = models.BigIntegerField(default=0)
    entered_noted = models.BigIntegerField(default=0, db_default=0)
    """How many of `entered` the history (`transport.history`) has, or is not to have: they were moved."""
    departed_noted = models.BigIntegerField(default=0, db_default=0)
    """The same for `departed`: it tells of what a next hop took."""
    incoming_rate = models.FloatField(default=0)
    """Messages per second over the last minute."""
    outgoing_rate = models.FloatField(default=0)
    retry_count = models.IntegerField(default=0)
    """Connection attempts in a row that failed."""
    first_retry_at = models.DateTimeField(null=True)
    last_retry_at = models.DateTimeField(null=True)
    next_retry_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=1024, blank=True)
    last_error_host = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True)
    removal = models.CharField(max_length=16, blank=True)
    """A `Pending` removal of everything up to `removal_until`, worked off by the dispatcher."""
    removal_until = models.BigIntegerField(default=0)
    resubmit_until = models.BigIntegerField(default=0, db_default=0)
    """Everything up to this message is to be routed anew (`transport.queue.resubmits`); 0: nothing."""
    resubmit_cursor = models.BigIntegerField(default=0, db_default=0)
    """The last message that is marked."""
    throttled_by = models.CharField(max_length=300, blank=True, db_default="")
    """The limit that keeps due mail from going now, in words; the dispatcher writes it when it changes."""
    backlog_until = models.DateTimeField(null=True)
    """When its next hop came back: what came in before is a backlog, behind which new mail need not wait."""
    created_at = models.DateTimeField(db_default=Now())
    emptied_at = models.DateTimeField(null=True)

    objects = QueueQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "delivery_type", "connector_id", "next_hop_key"],
                name="queue_per_next_hop",
            ),
        ]

    def __str__(self) -> str:
        return self.identity

    @property
    def identity(self) -> str:
        r"""`SERVER\42`, or `SERVER\Unreachable` for the persistent queues (exchange.md 4.2)."""
        return f"{self.server.name}\\{PERSISTENT.get(self.delivery_type, self.pk)}"

    def held_back_by(self, *, now: datetime) -> str:
        """Say in words what keeps the mail of this queue from going now; empty when nothing does."""
        if not self.message_count:
            return ""
        if self.removal:
            return "the removal of its messages"
        if self.suspended:
            return "its suspension by an administrator"
        if self.delivery_type in DELIVERABLE and self.server.component_state == ComponentState.DRAINING:
            return f"the drain of {self.server.name}, which hands its mail over"
        if self.next_retry_at is not None and self.next_retry_at > now:
            refused = REFUSED_LOGIN in self.last_error
            why = f"a refused login of send connector {self.connector_name}," if refused else "Retry"
            return f"{why} until {self.next_retry_at:%Y-%m-%d %H:%M:%S} UTC"
        return self.throttled_by

    @property
    def velocity(self) -> float:
        """Outgoing minus incoming rate: above 0 the queue drains, below it grows."""
        return self.outgoing_rate - self.incoming_rate


class Session(models.Model):
    """One SMTP session that holds claims; its lease is the lease of all of them."""

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="sessions")
    worker = models.CharField(max_length=64)
    """Which run of which worker process."""
    host_name = models.CharField(max_length=255)
    """The machine of that process: there a dead process id proves that the lease is free."""
    process_id = models.IntegerField()
    connected = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    lease_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"session {self.pk}"
