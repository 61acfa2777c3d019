"""The tables of receive connectors."""

from datetime import timedelta
from uuid import UUID, uuid4

from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from connectors.receiving import RateSource, ReceiveLimits, ReceiveUsage
from connectors.validators import (
    MAX_COMMENT_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_SERVER_CHARACTERS,
    name_key,
)

_DEFAULTS = ReceiveLimits()


class ReceiveConnectorQuerySet(QuerySet["ReceiveConnector"]):
    """Receive connectors as the shell and the listener read them."""

    def by_name(self) -> "ReceiveConnectorQuerySet":
        """Order by server and name."""
        return self.order_by("server_name", "name_key", "id")

    def identified(self, identity: str) -> "ReceiveConnectorQuerySet":
        r"""Find what an Identity parameter means: `Server\Name`, a name, or a GUID."""
        server, _, name = identity.strip().rpartition("\\")
        found = self.filter(server_name=server.upper()) if server else self
        try:
            return found.filter(Q(guid=UUID(name)) | Q(name_key=name_key(name)))
        except ValueError:
            return found.filter(name_key=name_key(name))


class ReceiveConnector(models.Model):
    """Where a transport server takes mail in, from whom, and under which conditions (exchange.md 10.1)."""

    guid = models.UUIDField(unique=True, default=uuid4, editable=False)
    server_name = models.CharField(max_length=MAX_SERVER_CHARACTERS)
    name = models.CharField(max_length=MAX_NAME_CHARACTERS)
    name_key = models.CharField(max_length=4 * MAX_NAME_CHARACTERS)
    usage = models.CharField(max_length=16, choices=[(one.value, one.value) for one in ReceiveUsage])
    enabled = models.BooleanField(default=True)
    comment = models.TextField(max_length=MAX_COMMENT_CHARACTERS, blank=True)
    bindings = models.JSONField(default=list)
    """Texts that `ranges.parse_binding` reads."""
    remote_ranges = models.JSONField(default=list)
    """Texts that `ranges.parse_range` reads."""
    fqdn = models.CharField(max_length=255, blank=True)
    banner = models.CharField(max_length=400, blank=True)
    auth = models.JSONField(default=list, blank=True)
    permissions = models.JSONField(default=list, blank=True)
    anonymous_relay = models.BooleanField(default=False)
    require_tls = models.BooleanField(default=False)
    certificate = models.CharField(max_length=128, blank=True)
    protocol_logging = models.BooleanField(default=False)
    max_message_bytes = models.BigIntegerField(default=_DEFAULTS.max_message_bytes)
    max_header_bytes = models.BigIntegerField(default=_DEFAULTS.max_header_bytes)
    max_hop_count = models.PositiveIntegerField(default=_DEFAULTS.max_hop_count)
    max_recipients = models.PositiveIntegerField(default=_DEFAULTS.max_recipients)
    max_connections = models.PositiveIntegerField(null=True, blank=True, default=_DEFAULTS.max_connections)
    """Null, here and below: unlimited."""
    max_connections_per_source = models.PositiveIntegerField(
        null=True, blank=True, default=_DEFAULTS.max_connections_per_source
    )
    max_connections_percent_per_source = models.PositiveIntegerField(
        default=_DEFAULTS.max_connections_percent_per_source
    )
    message_rate = models.PositiveIntegerField(null=True, blank=True, default=None)
    message_rate_source = models.CharField(
        max_length=16,
        choices=[(one.value, one.value) for one in RateSource],
        default=_DEFAULTS.message_rate_source.value,
    )
    max_protocol_errors = models.PositiveIntegerField(
        null=True, blank=True, default=_DEFAULTS.max_protocol_errors
    )
    max_logon_failures = models.PositiveIntegerField(default=_DEFAULTS.max_logon_failures)
    connection_inactivity_timeout = models.DurationField(default=_DEFAULTS.connection_inactivity_timeout)
    connection_timeout = models.DurationField(default=_DEFAULTS.connection_timeout)
    tarpit_interval = models.DurationField(default=_DEFAULTS.tarpit_interval)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=150, blank=True)

    objects = ReceiveConnectorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server_name", "name_key"], name="receive_name_once_per_server"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(name_key=""), name="receive_has_a_name"),
            models.CheckConstraint(condition=~Q(server_name=""), name="receive_has_a_server"),
            models.CheckConstraint(
                condition=Q(connection_timeout__gt=F("connection_inactivity_timeout")),
                name="receive_idle_is_shorter_than_total",
            ),
            models.CheckConstraint(
                condition=Q(max_message_bytes__gte=1, max_header_bytes__gte=1, max_recipients__gte=1),
                name="receive_sizes_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(tarpit_interval__gte=timedelta(0)), name="receive_tarpit_is_no_past"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.server_name}\\{self.name}"


class ReceptionSetting(models.Model):
    """The settings from which a server's first connectors were made, so that a changed one is noticed."""

    server_name = models.CharField(max_length=MAX_SERVER_CHARACTERS, unique=True)
    bindings = models.JSONField(default=list)
    relay_ranges = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.server_name
