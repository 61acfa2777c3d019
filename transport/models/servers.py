"""Transport servers."""

from django.db import models


class TransportServer(models.Model):
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

    def __str__(self) -> str:
        return self.name
