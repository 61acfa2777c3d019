"""The table of DKIM keys. Only `connectors.dkim_keys` writes it."""

from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from connectors.dkim_records import DkimRecord
from connectors.domains import MAX_DOMAIN_CHARACTERS, a_label
from connectors.signing_keys import DEFAULT_SIZE_BITS, Algorithm

MAX_SELECTOR_CHARACTERS = 63


class DkimKeyQuerySet(QuerySet["DkimKey"]):
    """DKIM keys as the shell and the signers read them."""

    def by_domain(self) -> "DkimKeyQuerySet":
        """Order by domain, the oldest key first."""
        return self.order_by("domain", "id")

    def identified(self, identity: str) -> "DkimKeyQuerySet":
        r"""Find what an Identity means: `domain\selector`, a domain, or a GUID. None, one or more."""
        domain, _, selector = identity.strip().partition("\\")
        try:
            return self.filter(guid=UUID(identity.strip()))
        except ValueError:
            found = self.filter(domain=a_label(domain))
            return found.filter(selector=selector.lower()) if selector else found


class DkimKey(models.Model):
    """A key that signs the mail of one sender domain (RFC 6376)."""

    guid = models.UUIDField(unique=True, default=uuid4, editable=False)
    """The private key is sealed for it."""
    domain = models.CharField(max_length=MAX_DOMAIN_CHARACTERS)
    """A-labels; what the signature names in d=."""
    selector = models.CharField(max_length=MAX_SELECTOR_CHARACTERS)
    algorithm = models.CharField(
        max_length=16,
        choices=[(one.value, one.value) for one in Algorithm],
        default=Algorithm.RSA.value,
    )
    size_bits = models.PositiveIntegerField(default=DEFAULT_SIZE_BITS)
    public_key = models.TextField()
    """Base64, as the DNS record has it."""
    sealed_private_key = models.TextField(editable=False)
    enabled = models.BooleanField(default=False)
    """It signs; at most one key of a domain for each algorithm."""
    include_subdomains = models.BooleanField(default=False)
    """It also signs for subdomains that have no key of their own."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=150, blank=True)

    objects = DkimKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_once_per_domain"),
            models.UniqueConstraint(
                fields=["domain", "algorithm"], condition=Q(enabled=True), name="dkim_one_key_signs"
            ),
            models.CheckConstraint(
                condition=Q(algorithm__in=[one.value for one in Algorithm]), name="dkim_algorithm_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(domain="") & ~Q(selector="") & ~Q(public_key="") & ~Q(sealed_private_key=""),
                name="dkim_key_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.identity

    @property
    def identity(self) -> str:
        r"""`domain\selector`."""
        return f"{self.domain}\\{self.selector}"

    @property
    def record(self) -> DkimRecord:
        """The DNS record to publish."""
        return DkimRecord(
            name=f"{self.selector}._domainkey.{self.domain}",
            key_type=Algorithm(self.algorithm).key_type,
            public_key=self.public_key,
        )
