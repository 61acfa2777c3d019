"""What was tried."""

from django.db import models

from transport.models.messages import Message


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
    """Version, cipher, subject of the certificate; in the clear, why."""
    tls_policy = models.CharField(max_length=255, blank=True, db_default="")
    """Whose demands held: opportunistic, a setting of the connector, MTA-STS or DANE; with notes."""
    in_doubt = models.BooleanField(default=False)
    """No answer to the final dot: a second copy may arrive."""

    def __str__(self) -> str:
        return f"attempt {self.pk}"
