"""Messages in queues."""

from django.db import models
from django.db.models import Case, Q, QuerySet, Value, When

from transport.envelope import Priority
from transport.models.messages import Message
from transport.models.queues import Queue
from transport.states import Pending, QueuedState


class QueuedMessageQuerySet(QuerySet["QueuedMessage"]):
    """Queued messages as the queue viewer lists them."""

    def with_status(self) -> "QueuedMessageQuerySet":
        """Annotate `status` with Exchange's word (exchange.md 5.1)."""
        active = Q(state=QueuedState.ACTIVE)
        return self.annotate(
            status=Case(
                When(active & Q(pending=Pending.SUSPEND), then=Value("Pending Suspend")),
                When(active & ~Q(pending=Pending.NOTHING), then=Value("Pending Remove")),
                When(active, then=Value("Active")),
                When(state=QueuedState.SUSPENDED, then=Value("Suspended")),
                When(Q(state=QueuedState.RETRY) | Q(queue__next_retry_at__isnull=False), then=Value("Retry")),
                default=Value("Ready"),
                output_field=models.CharField(),
            ),
        )


class QueuedMessage(models.Model):
    """A message in one queue, with the recipients that go that way. The row goes when its last one ended."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="queued")
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="messages", db_index=False)
    state = models.SmallIntegerField(
        default=QueuedState.READY, choices=[(state.value, state.name.title()) for state in QueuedState]
    )
    pending = models.CharField(
        max_length=16, blank=True, choices=[(word.value, word.value) for word in Pending]
    )
    session_id = models.BigIntegerField(null=True)
    """The session that holds the claim: the fencing token of every later write."""
    next_attempt_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    delay_since = models.DateTimeField(null=True)
    """From when on it counts as late (its arrival); null: the sender was told, or is not to be."""
    retry_count = models.IntegerField(default=0)
    last_error = models.CharField(max_length=1024, blank=True)
    priority = models.SmallIntegerField(
        default=Priority.NORMAL,
        db_default=Priority.NORMAL,
        choices=[(priority.value, priority.name.title()) for priority in Priority],
    )
    crash_count = models.SmallIntegerField(default=0, db_default=0)
    """How often its handling broke a worker (PoisonThreshold)."""
    routed_generation = models.BigIntegerField(default=0)
    """The configuration generation under which this way was chosen; 0 asks for a new choice."""

    objects = QueuedMessageQuerySet.as_manager()

    class Meta:
        indexes = [
            # The order of a claim: new mail before retries, by priority, the longest due first.
            models.Index(fields=["queue", "state", "priority", "next_attempt_at"], name="queued_due"),
            models.Index(fields=["queue", "routed_generation"], name="queued_stale_route"),
            # Pages of a queue, and its removal in batches, go by arrival.
            models.Index(fields=["queue", "id"], name="queued_by_arrival"),
            models.Index(
                fields=["priority", "delay_since"], name="queued_late", condition=Q(delay_since__isnull=False)
            ),
            models.Index(fields=["session_id"], name="queued_claimed", condition=Q(session_id__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=QueuedState.ACTIVE, session_id__isnull=False)
                | (~Q(state=QueuedState.ACTIVE) & Q(session_id__isnull=True)),
                name="queued_active_iff_claimed",
            ),
        ]

    def __str__(self) -> str:
        return self.identity

    @property
    def identity(self) -> str:
        r"""`SERVER\42\1001`: queue and message number (exchange.md 4.2)."""
        return f"{self.queue.identity}\\{self.message_id}"
