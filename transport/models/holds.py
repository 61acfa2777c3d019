"""Connectors whose login was refused."""

from django.db import models

from transport.models.servers import TransportServer


class LoginHold(models.Model):
    """A smart host refused the login of a connector: until then this server asks no more.

    It counts for the version of the connector that was refused: a corrected password is tried at once.
    """

    server = models.ForeignKey(TransportServer, models.CASCADE, related_name="login_holds")
    connector_id = models.BigIntegerField()
    connector_version = models.PositiveIntegerField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=1024)
    """The sentence that the queue shows."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "connector_id"], name="login_hold_per_connector")
        ]

    def __str__(self) -> str:
        return self.reason
