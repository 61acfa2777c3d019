"""What tells every process that the configuration changed."""

from uuid import uuid4

from django.db import models
from django.db.models import Q


class Configuration(models.Model):
    """The one row that tells every process whether the connectors changed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    generation = models.BigIntegerField(default=0)
    """Grows with every write; waiting mail routed under a lower one is looked at again."""
    stamp = models.UUIDField(default=uuid4)
    """New with every write: a generation that was rolled back, or restored from a backup, is told apart."""
    reception_stamp = models.UUIDField(null=True)
    """New with every write of a receive connector, an accepted domain or an application password: waiting
    mail has nothing to do with those, so the generation stays."""

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="configuration_is_one_row")]

    def __str__(self) -> str:
        return f"generation {self.generation}"
