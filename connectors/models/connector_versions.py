"""The versions of send connectors: what each save made of them, kept when the connector is gone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet

from connectors import spec_json
from connectors.specs import ConnectorSpec
from connectors.validators import MAX_REASON_CHARACTERS


class Deed(models.TextChoices):
    """What was done to the connector."""

    FOUND = "found", "Was there"
    """It is older than its history."""
    CREATED = "created", "Created"
    CHANGED = "changed", "Changed"
    ENABLED = "enabled", "Enabled"
    DISABLED = "disabled", "Disabled"
    REVERTED = "reverted", "Reverted"
    REMOVED = "removed", "Removed"


class ConnectorVersionQuerySet(QuerySet["ConnectorVersion"]):
    """Versions as the history shows them."""

    def of(self, guid: UUID) -> "ConnectorVersionQuerySet":
        """Give the history of one connector, the newest first."""
        return self.filter(guid=guid).order_by("-number")


class ConnectorVersion(models.Model):
    """One connector after one save."""

    guid = models.UUIDField()
    """Of the connector, which may be gone."""
    number = models.PositiveIntegerField()
    """From 1, without a gap."""
    deed = models.CharField(max_length=16, choices=Deed.choices)
    reverted_to = models.PositiveIntegerField(null=True)
    """The version that was brought back."""
    at = models.DateTimeField()
    author = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=MAX_REASON_CHARACTERS, blank=True)
    password_changed = models.BooleanField(default=False)
    """Typed anew or dropped; what it is or was stands in no version."""
    settings: "models.JSONField[Mapping[str, Any], Mapping[str, Any]]" = models.JSONField()
    """From `spec_json.written`."""

    objects = ConnectorVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["guid", "number"], name="connector_version_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="connector_versions_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def spec(self) -> ConnectorSpec:
        """The settings, without the password."""
        return spec_json.read(self.settings)
