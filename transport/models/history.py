"""How much mail came and went."""

from django.db import models

from transport.models.servers import TransportServer


class MailMinute(models.Model):
    """One minute of one server; written while its clock runs, also when nothing came and nothing went."""

    server = models.ForeignKey(TransportServer, models.CASCADE, related_name="+", db_index=False)
    minute = models.DateTimeField()
    """Its beginning."""
    incoming = models.BigIntegerField(default=0, db_default=0)
    """Messages that were accepted into queues, reports made here too; one that goes two ways counts twice."""
    outgoing = models.BigIntegerField(default=0, db_default=0)
    """Messages that left their queues because next hops took them."""

    class Meta:
        constraints = [
            # The minute comes first: charts are drawn over all servers.
            models.UniqueConstraint(fields=["minute", "server"], name="one_row_per_minute"),
        ]

    def __str__(self) -> str:
        return f"server {self.server_id} in {self.minute:%Y-%m-%d %H:%M}"
