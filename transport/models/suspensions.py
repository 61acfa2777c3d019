"""Who suspended what, why, and until when."""

from django.db import models


class SuspendedKind(models.TextChoices):
    """What is suspended."""

    QUEUE = "queue"
    MESSAGE = "message"
    """A queued message."""


class Suspension(models.Model):
    """One per suspended queue or queued message. That it is suspended stands there; this says more of it.

    No foreign keys: messages end thousands a second, and what is left over here is forgotten later.
    """

    kind = models.CharField(max_length=8, choices=SuspendedKind.choices)
    target_id = models.BigIntegerField()
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    until = models.DateTimeField(null=True, db_index=True)
    """When it ends by itself; None: when somebody resumes it."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "target_id"], name="suspension_per_target")]

    def __str__(self) -> str:
        return f"suspension of {self.kind} {self.target_id}"
