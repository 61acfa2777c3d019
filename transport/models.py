"""The tables of the engine: what was accepted, where it waits, what was tried.

Only `transport.queue` and `transport.submission` write the rows of mail.
"""

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Now

from transport.states import PERSISTENT, DeliveryType, Pending, QueuedState, RecipientState


class TransportServer(models.Model):
    """A server that runs a worker; it registers itself and beats."""

    name = models.CharField(max_length=64, unique=True)
    fqdn = models.CharField(max_length=255)
    site = models.CharField(max_length=64, default="Default-First-Site-Name")
    version = models.CharField(max_length=32, blank=True)
    last_beat_at = models.DateTimeField(null=True)
    taken_over = models.BooleanField(default=False)
    """It stopped beating and the others have been told to look after its mail."""
    internal_dns_servers = models.JSONField(default=list)
    """Addresses, with `:port` where it is not 53; empty means the system's resolver."""
    external_dns_servers = models.JSONField(default=list)
    """Used by connectors that ask for the external DNS lookup settings."""

    def __str__(self) -> str:
        return self.name


class QueueQuerySet(QuerySet["Queue"]):
    """Queues as the queue viewer lists them."""

    def with_status(self) -> "QueueQuerySet":
        """Annotate `status` with Exchange's word (exchange.md 4.4), and `next_try_at`.

        `next_try_at`: the next retry of the queue, or of the first message that waits for its own.
        """
        sessions = Session.objects.filter(queue=OuterRef("pk"))
        deferred = QueuedMessage.objects.filter(queue=OuterRef("pk"), state=QueuedState.RETRY)
        return self.annotate(
            next_try_at=Coalesce(
                "next_retry_at", Subquery(deferred.order_by("next_attempt_at").values("next_attempt_at")[:1])
            ),
            status=Case(
                When(suspended=True, then=Value("Suspended")),
                When(Exists(sessions.filter(connected=True)), then=Value("Active")),
                When(Exists(sessions), then=Value("Connecting")),
                When(next_retry_at__isnull=False, message_count__gt=0, then=Value("Retry")),
                default=Value("Ready"),
                output_field=models.CharField(),
            ),
        )


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


class Message(models.Model):
    """What was accepted, once, however many ways it goes."""

    server = models.ForeignKey(TransportServer, models.PROTECT, related_name="+")
    mail_from = models.CharField(max_length=320, blank=True)
    original_from = models.CharField(max_length=320, blank=True)
    internet_message_id = models.CharField(max_length=512, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    size_bytes = models.BigIntegerField()
    source = models.CharField(max_length=64)
    client_address = models.CharField(max_length=64, blank=True)
    client_name = models.CharField(max_length=255, blank=True)
    eight_bit = models.BooleanField(default=False)
    smtputf8 = models.BooleanField(default=False)
    received_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"message {self.pk}"


class Content(models.Model):
    """The bytes of a message in chunks, so that a large one never has to stand in memory whole."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="chunk_in_its_place")]

    def __str__(self) -> str:
        return f"chunk {self.position} of message {self.message_id}"


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
    retry_count = models.IntegerField(default=0)
    last_error = models.CharField(max_length=1024, blank=True)
    routed_generation = models.BigIntegerField(default=0)
    """The configuration generation under which this way was chosen; 0 asks for a new choice."""

    objects = QueuedMessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["queue", "state", "next_attempt_at"], name="queued_due"),
            models.Index(fields=["queue", "routed_generation"], name="queued_stale_route"),
            # Pages of a queue, and its removal in batches, go by arrival.
            models.Index(fields=["queue", "id"], name="queued_by_arrival"),
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


class Recipient(models.Model):
    """One recipient of one message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="recipients")
    queued_message_id = models.BigIntegerField(null=True, db_index=True)
    """The queued message that carries it; null when it ended."""
    address = models.CharField(max_length=320)
    state = models.SmallIntegerField(
        default=RecipientState.WAITING,
        choices=[(state.value, state.name.title()) for state in RecipientState],
    )
    last_reply = models.CharField(max_length=1024, blank=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.address


class Attempt(models.Model):
    """One message tried at one host."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="attempts")
    queue_id = models.BigIntegerField()
    queue_identity = models.CharField(max_length=160)
    connector_name = models.CharField(max_length=64, blank=True)
    connector_version = models.IntegerField(default=0)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16)
    """delivered, deferred, failed, or mixed when the recipients fared differently."""
    host = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=64, blank=True)
    stage = models.CharField(max_length=16)
    code = models.SmallIntegerField()
    enhanced = models.CharField(max_length=16, blank=True)
    text = models.CharField(max_length=600, blank=True)
    tls = models.CharField(max_length=300, blank=True)
    in_doubt = models.BooleanField(default=False)
    """No answer to the final dot: a second copy may arrive."""

    def __str__(self) -> str:
        return f"attempt {self.pk}"
