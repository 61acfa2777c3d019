"""The table of accepted domains."""

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from connectors import accepted_domains
from connectors.accepted_domains import DomainType
from connectors.validators import MAX_NAME_CHARACTERS, name_key


class AcceptedDomainQuerySet(QuerySet["AcceptedDomain"]):
    """Accepted domains as the shell and the listener read them."""

    def identified(self, identity: str) -> "AcceptedDomainQuerySet":
        """Find what an Identity parameter means: a name or the domain itself."""
        try:
            pattern = accepted_domains.parse_pattern(identity)
        except ValueError:
            return self.filter(name_key=name_key(identity))
        return self.filter(Q(name_key=name_key(identity)) | Q(pattern=pattern))


class AcceptedDomain(models.Model):
    """A domain for which mail is taken in from anybody."""

    name = models.CharField(max_length=MAX_NAME_CHARACTERS)
    name_key = models.CharField(max_length=4 * MAX_NAME_CHARACTERS, unique=True)
    pattern = models.CharField(max_length=255, unique=True)
    """A-labels; a domain, or `*.suffix`."""
    type = models.CharField(max_length=16, choices=[(one.value, one.value) for one in DomainType])
    default = models.BooleanField(default=False)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=150, blank=True)

    objects = AcceptedDomainQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["default"], condition=Q(default=True), name="one_default_accepted_domain"
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(pattern=""), name="accepted_domain_is_named"),
        ]

    def __str__(self) -> str:
        return self.name
