"""Transport servers."""

from django.db import models

from transport.back_pressure import Level, Resource
from transport.models.limits import TransportLimits
from transport.states import ComponentState


class TransportServer(TransportLimits):
    """A server that runs a worker; it registers itself and beats."""

    name = models.CharField(max_length=64, unique=True)
    fqdn = models.CharField(max_length=255)
    site = models.CharField(max_length=64, default="Default-First-Site-Name")
    version = models.CharField(max_length=32, blank=True)
    last_beat_at = models.DateTimeField(null=True)
    taken_over = models.BooleanField(default=False)
    """It stopped beating and the others have been told to look after its mail."""
    internal_dns_servers = models.JSONField(default=list)
    """Addresses, with `:port` where it is not 53; empty means the system's resolver."""
    external_dns_servers = models.JSONField(default=list)
    """Used by connectors that ask for the external DNS lookup settings."""
    validating_dns_servers = models.JSONField(default=list)
    """DNS servers on other machines whose word on DNSSEC counts; those on loopback need no mention."""
    allowed_mx_networks = models.JSONField(default=list)
    """Networks that MX records may point to although they are loopback, link-local or the like."""

    component_state = models.CharField(
        max_length=16,
        default=ComponentState.ACTIVE,
        db_default=ComponentState.ACTIVE,
        choices=[(state.value, state.value) for state in ComponentState],
    )
    redirect_to = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    """Its mail is being moved as if that server had accepted it; until that is done it takes none."""
    handover_at = models.DateTimeField(null=True)
    """From then on nobody places mail here any more: what waits is handed over."""

    def __str__(self) -> str:
        return self.name


class ResourcePressure(models.Model):
    """How one resource of a server stood when that last changed (`transport.back_pressure`)."""

    server = models.ForeignKey(TransportServer, models.CASCADE, related_name="resources")
    resource = models.CharField(max_length=32, choices=[(one.value, one.value) for one in Resource])
    level = models.SmallIntegerField(choices=[(one.value, one.name.title()) for one in Level])
    value = models.FloatField()
    normal = models.FloatField()
    medium = models.FloatField()
    high = models.FloatField()
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "resource"], name="one_pressure_per_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} of server {self.server_id}"
