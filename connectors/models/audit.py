"""The table of the admin audit log. It is written once and read; nothing here changes or removes an entry."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q, QuerySet

from connectors.commands import CONSOLE_ONLY, Change, line

MAX_ACTOR_CHARACTERS = 200
MAX_ORIGIN_CHARACTERS = 64
MAX_ERROR_CHARACTERS = 2000
NAMED = 50
"""So many objects of one entry are named; their count is told whole."""


class NeverAltered(TypeError):  # noqa: N818 - reads as a sentence where it is raised
    """Somebody tried to change or remove an entry."""

    def __init__(self) -> None:
        super().__init__("an entry of the audit log is never altered, and ends only by its age")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSearch:
    """Which entries are meant; a text is found anywhere in its field, whatever its case; one is enough."""

    start: datetime | None = None
    end: datetime | None = None
    """Entries before this moment."""
    users: tuple[str, ...] = ()
    cmdlets: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


class AuditEntryQuerySet(QuerySet["AuditEntry"]):
    """Entries for reading."""

    def matching(self, search: AuditSearch) -> "AuditEntryQuerySet":
        """Find what is meant, the newest first."""
        found = self.order_by("-at", "-id")
        if search.start:
            found = found.filter(at__gte=search.start)
        if search.end:
            found = found.filter(at__lt=search.end)
        for column, texts in (
            ("actor", search.users),
            ("cmdlet", search.cmdlets),
            ("objects_named", search.objects),
        ):
            if texts:
                found = found.filter(reduce(or_, (Q((f"{column}__icontains", text)) for text in texts)))
        return found

    def before(self, entry: "AuditEntry") -> "AuditEntryQuerySet":
        """Give what is older than this entry."""
        return self.filter(Q(at__lt=entry.at) | Q(at=entry.at, pk__lt=entry.pk))

    def update(self, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise NeverAltered

    def delete(self) -> NoReturn:
        """Refuse."""
        raise NeverAltered


class AuditEntry(models.Model):
    """One change by a person, as its cmdlet would say it."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=MAX_ACTOR_CHARACTERS)
    """Name of the user, or `shell:` and the account of the operating system."""
    origin = models.CharField(max_length=MAX_ORIGIN_CHARACTERS, blank=True)
    """Address of the client, or where the shell ran."""
    cmdlet = models.CharField(max_length=64)
    objects_named = models.TextField(blank=True)
    """Identities, one a line."""
    count = models.PositiveBigIntegerField()
    """How many objects were changed."""
    parameters = models.JSONField(default=list)
    """`Change.stored` of each."""
    error = models.CharField(max_length=MAX_ERROR_CHARACTERS, blank=True)
    """Why it was refused; empty: it succeeded."""

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-at", "-id"], name="audit_newest_first")]

    def __str__(self) -> str:
        return f"{self.cmdlet} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert it; refuse to write it again."""
        if not self._state.adding:
            raise NeverAltered
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise NeverAltered

    @property
    def succeeded(self) -> bool:
        """Whether it was done."""
        return not self.error

    @property
    def identities(self) -> list[str]:
        """The objects that are named."""
        return self.objects_named.splitlines()

    @property
    def changes(self) -> list[Change]:
        """The parameters, with old and new value."""
        return [Change.read(one) for one in self.parameters]

    @property
    def command(self) -> str:
        """The line that does the same, one for each object that is named; empty where there is none."""
        if not self.succeeded or self.cmdlet in CONSOLE_ONLY:
            return ""
        changes = self.changes
        lines = (line(self.cmdlet, identity=one, changes=changes) for one in self.identities or [""])
        return "\n".join(dict.fromkeys(lines))
