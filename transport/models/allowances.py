"""What send connectors with a limit per day have sent."""

from django.db import models


class SentInHour(models.Model):
    """How many messages hosts took from one send connector in one hour, on all servers together."""

    connector_id = models.BigIntegerField()
    hour = models.DateTimeField()
    """Its beginning."""
    messages = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connector_id", "hour"], name="one_count_per_hour"),
        ]

    def __str__(self) -> str:
        return f"connector {self.connector_id} in {self.hour:%Y-%m-%d %H} h"
