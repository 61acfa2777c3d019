"""Requests to deliver kept messages once more."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from transport.models.servers import TransportServer
from transport.states import ResubmitState


class ResubmitRequest(models.Model):
    """What was delivered in a span of time is delivered again: a job with progress (Add-ResubmitRequest)."""

    server = models.ForeignKey(TransportServer, models.CASCADE, related_name="resubmit_requests")
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    sender = models.CharField(max_length=320, blank=True)
    """Only mail of this sender, whatever its case."""
    recipient = models.CharField(max_length=320, blank=True)
    """Only to this recipient."""
    queue_identity = models.CharField(max_length=160, blank=True)
    """Only what this queue delivered."""
    state = models.CharField(
        max_length=16,
        default=ResubmitState.RUNNING,
        choices=[(state.value, state.value) for state in ResubmitState],
    )
    newest = models.BigIntegerField()
    """The newest message that it looks at: copies that it makes are not copied."""
    cursor = models.BigIntegerField(default=0)
    """The last message that it looked at."""
    examined = models.BigIntegerField(default=0)
    resubmitted = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    """Messages that could not be copied; the log says why."""
    created_by = models.CharField(max_length=160)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end_at__gte=F("start_at")), name="resubmit_span_in_order"),
        ]

    def __str__(self) -> str:
        return f"resubmit request {self.pk}"
