"""Where a server listens for mail, and what keeps it from listening."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db import models, transaction
from django.utils import timezone

from transport.models.servers import TransportServer


class BoundAddressManager(models.Manager["BoundAddress"]):
    """Written by the listener, read by whoever wants to know."""

    def report(self, server: TransportServer, bindings: Mapping[str, str]) -> None:
        """Replace what is known of a server: its bindings with their trouble, empty for none."""
        now = timezone.now()
        with transaction.atomic():
            self.filter(server=server).delete()
            self.bulk_create(
                BoundAddress(server=server, binding=binding, trouble=trouble[:255], since=now)
                for binding, trouble in bindings.items()
            )

    def troubles(self, servers: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give, by server, each binding or certificate that it could not have with the reason: one query."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        rows = self.filter(server__name__in=set(servers)).exclude(trouble="").order_by("binding")
        for server, binding, trouble in rows.values_list("server__name", "binding", "trouble"):
            found[server][binding] = trouble
        return found


class BoundAddress(models.Model):
    """One binding that a server was told to listen on, or a certificate that it was told to show."""

    server = models.ForeignKey(TransportServer, models.CASCADE, related_name="+")
    binding = models.CharField(max_length=160)
    """`address:port`, or what `of_certificate` gives."""
    trouble = models.CharField(max_length=255, blank=True)
    """Why it cannot be had; empty while it is."""
    since = models.DateTimeField()

    objects = BoundAddressManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "binding"], name="binding_once_per_server")]

    def __str__(self) -> str:
        return self.binding

    @staticmethod
    def of_certificate(name: str) -> str:
        """Give the `binding` of a certificate."""
        return f"certificate {name}"
