"""The tables of send connectors."""

from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from connectors import address_spaces
from connectors.models.session_settings import SessionSettings, constraints
from connectors.profiles import Delivery, SmartHostAuth, TlsAuthLevel
from connectors.specs import (
    AFTER_TLS,
    DEFAULT_INACTIVITY_TIMEOUT,
    DEFAULT_MAX_MESSAGE_BYTES,
    DEFAULT_MESSAGES_PER_CONNECTION,
    DEFAULT_PORT,
    SECRET,
    Usage,
)
from connectors.validators import (
    MAX_COMMENT_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_SERVER_CHARACTERS,
    MAX_TIMEOUT,
    MAX_USERNAME_CHARACTERS,
    MIN_TIMEOUT,
    name_key,
)

_SECRET = [one.value for one in SECRET]
_AFTER_TLS = [one.value for one in AFTER_TLS]


class SendConnectorQuerySet(QuerySet["SendConnector"]):
    """Send connectors as screens and routing read them."""

    def with_parts(self) -> "SendConnectorQuerySet":
        """Read address spaces, smart hosts and source servers along: four queries for any number."""
        return self.prefetch_related("address_spaces", "smart_hosts", "source_servers")

    def by_name(self) -> "SendConnectorQuerySet":
        """Order by name, whatever its case."""
        return self.order_by("name_key", "id")

    def identified(self, identity: str) -> "SendConnectorQuerySet":
        r"""Find what an Identity parameter means: a name, a GUID, or `Server\Name`. None or one."""
        text = identity.strip().rpartition("\\")[2]
        try:
            return self.filter(Q(guid=UUID(text)) | Q(name_key=name_key(text)))
        except ValueError:
            return self.filter(name_key=name_key(text))


class SendConnector(SessionSettings):
    """How mail for some address spaces leaves the organization (exchange.md 1)."""

    guid = models.UUIDField(unique=True, default=uuid4, editable=False)
    """Given by the wizard before the connector exists: one draft makes one connector."""
    name = models.CharField(max_length=MAX_NAME_CHARACTERS)
    name_key = models.CharField(max_length=4 * MAX_NAME_CHARACTERS, unique=True)
    """The name folded by us: a database's own LOWER() differs between SQLite and PostgreSQL."""
    usage = models.CharField(max_length=16, choices=[(one.value, one.value) for one in Usage])
    enabled = models.BooleanField(default=True)
    comment = models.TextField(max_length=MAX_COMMENT_CHARACTERS, blank=True)
    delivery = models.CharField(max_length=16, choices=[(one.value, one.value) for one in Delivery])
    use_external_dns = models.BooleanField(default=False)
    auth = models.CharField(
        max_length=32,
        choices=[(one.value, one.value) for one in SmartHostAuth],
        default=SmartHostAuth.NONE.value,
    )
    username = models.CharField(max_length=MAX_USERNAME_CHARACTERS, blank=True)
    sealed_password = models.TextField(blank=True, editable=False)
    scoped = models.BooleanField(default=False)
    fqdn = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(default=DEFAULT_PORT)
    max_message_bytes = models.BigIntegerField(null=True, blank=True, default=DEFAULT_MAX_MESSAGE_BYTES)
    """Null: unlimited."""
    protocol_logging = models.BooleanField(default=False)
    require_tls = models.BooleanField(default=False)
    ignore_starttls = models.BooleanField(default=False)
    tls_auth_level = models.CharField(
        max_length=32, blank=True, choices=[(one.value, one.value) for one in TlsAuthLevel]
    )
    tls_domain = models.CharField(max_length=255, blank=True)
    mta_sts = models.BooleanField(default=False)
    dane = models.BooleanField(default=False)
    messages_per_connection = models.PositiveIntegerField(default=DEFAULT_MESSAGES_PER_CONNECTION)
    inactivity_timeout = models.DurationField(default=DEFAULT_INACTIVITY_TIMEOUT)
    version = models.PositiveIntegerField(default=1)
    """Grows with every change; who edits names the version that was read."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=150, blank=True)

    objects = SendConnectorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(name_key=""), name="connector_has_a_name"),
            models.CheckConstraint(
                condition=Q(usage__in=[one.value for one in Usage]), name="connector_usage_is_known"
            ),
            models.CheckConstraint(
                condition=Q(delivery__in=[one.value for one in Delivery]), name="connector_delivery_is_known"
            ),
            models.CheckConstraint(
                condition=Q(auth__in=[one.value for one in SmartHostAuth]), name="connector_auth_is_known"
            ),
            models.CheckConstraint(
                condition=Q(tls_auth_level__in=["", *(one.value for one in TlsAuthLevel)]),
                name="connector_tls_level_is_known",
            ),
            models.CheckConstraint(
                condition=Q(delivery=Delivery.SMART_HOST.value) | Q(auth=SmartHostAuth.NONE.value),
                name="connector_auth_needs_smart_hosts",
            ),
            models.CheckConstraint(
                condition=(Q(auth__in=_SECRET) & ~Q(username="") & ~Q(sealed_password=""))
                | (~Q(auth__in=_SECRET) & Q(username="", sealed_password="")),
                name="connector_credential_is_for_login",
            ),
            models.CheckConstraint(
                condition=~Q(auth__in=_AFTER_TLS, ignore_starttls=True),
                name="connector_auth_after_tls_needs_tls",
            ),
            models.CheckConstraint(
                condition=~Q(require_tls=True, ignore_starttls=True), name="connector_requires_or_ignores_tls"
            ),
            models.CheckConstraint(
                condition=Q(tls_auth_level="") | Q(require_tls=True), name="connector_tls_level_needs_tls"
            ),
            models.CheckConstraint(
                condition=Q(tls_domain="") | Q(tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION.value),
                name="connector_tls_domain_needs_level",
            ),
            models.CheckConstraint(
                condition=~Q(
                    tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION.value,
                    delivery=Delivery.SMART_HOST.value,
                    tls_domain="",
                ),
                name="connector_smart_host_domain_is_named",
            ),
            models.CheckConstraint(
                condition=Q(mta_sts=False, dane=False) | Q(delivery=Delivery.MX.value, ignore_starttls=False),
                name="connector_published_policies_need_mx_and_tls",
            ),
            models.CheckConstraint(condition=Q(port__range=(1, 65_535)), name="connector_port_is_a_port"),
            models.CheckConstraint(
                condition=Q(max_message_bytes=None) | Q(max_message_bytes__range=(1, MAX_MESSAGE_BYTES)),
                name="connector_size_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(messages_per_connection__gte=1), name="connector_connection_carries_mail"
            ),
            models.CheckConstraint(
                condition=Q(inactivity_timeout__range=(MIN_TIMEOUT, MAX_TIMEOUT)),
                name="connector_timeout_is_bounded",
            ),
            *constraints(),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """The word of the list's STATUS column."""
        return "Enabled" if self.enabled else "Disabled"


class AddressSpaceRow(models.Model):
    """One address space of a connector (exchange.md 1.3)."""

    connector = models.ForeignKey(SendConnector, models.CASCADE, related_name="address_spaces")
    type = models.CharField(max_length=32)
    pattern = models.CharField(max_length=address_spaces.MAX_PATTERN_CHARACTERS)
    """A-labels for SMTP."""
    cost = models.PositiveSmallIntegerField(default=address_spaces.DEFAULT_COST)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["connector", "type", "pattern"], name="space_once_per_connector"),
            models.CheckConstraint(
                condition=Q(cost__range=(address_spaces.MIN_COST, address_spaces.MAX_COST)),
                name="space_cost_is_1_to_100",
            ),
            models.CheckConstraint(condition=~Q(type="") & ~Q(pattern=""), name="space_says_something"),
        ]

    def __str__(self) -> str:
        return str(self.space)

    @property
    def space(self) -> address_spaces.AddressSpace:
        """The row as the value that the rules work with."""
        return address_spaces.AddressSpace(self.type, self.pattern, self.cost)


class SmartHost(models.Model):
    """One smart host of a connector."""

    connector = models.ForeignKey(SendConnector, models.CASCADE, related_name="smart_hosts")
    position = models.PositiveSmallIntegerField()
    host = models.CharField(max_length=255)
    """A-label name, or an IP address without brackets."""

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["connector", "host"], name="smart_host_once_per_connector"),
            models.UniqueConstraint(fields=["connector", "position"], name="smart_host_has_its_place"),
            models.CheckConstraint(condition=~Q(host=""), name="smart_host_is_named"),
        ]

    def __str__(self) -> str:
        return self.host


class SourceServer(models.Model):
    """One transport server, by name, that sends the mail of a connector."""

    connector = models.ForeignKey(SendConnector, models.CASCADE, related_name="source_servers")
    server_name = models.CharField(max_length=MAX_SERVER_CHARACTERS)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["connector", "server_name"], name="source_server_once"),
            models.CheckConstraint(condition=~Q(server_name=""), name="source_server_is_named"),
        ]

    def __str__(self) -> str:
        return self.server_name
