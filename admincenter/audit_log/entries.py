"""The entries of the audit log as the page and the file show them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from connectors.commands import Change, written
from connectors.models import AuditEntry, AuditSearch

ROWS = 50
EXPORTED_AT_ONCE = 500
HEAD = (
    "Date (UTC)", "User", "Client address", "Cmdlet", "Objects", "Number of objects", "Parameters",
    "Succeeded", "Error", "Command",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One page of the search."""

    rows: Sequence[AuditEntry] = ()
    older: int = 0
    """After which entry the next page begins; 0 on the last one."""


def find(search: AuditSearch, *, after: int) -> Found:
    """Read one page, the newest first; `after` is the last entry of the page before, 0 for none."""
    rows = list(_from(search, after=after)[: ROWS + 1])
    shown = rows[:ROWS]
    return Found(rows=shown, older=shown[-1].pk if len(rows) > ROWS else 0)


def export(search: AuditSearch) -> Iterator[tuple[object, ...]]:
    """Give all entries that a search means, the newest first, as rows under `HEAD`."""
    after = 0
    while entries := list(_from(search, after=after)[:EXPORTED_AT_ONCE]):
        yield from map(_exported, entries)
        after = entries[-1].pk


def _from(search: AuditSearch, *, after: int) -> QuerySet[AuditEntry]:
    found = AuditEntry.objects.matching(search)
    if not after:
        return found
    last = AuditEntry.objects.filter(pk=after).first()
    # Its time is over, and so is that of all that were older.
    return found.before(last) if last else found.none()


def _exported(entry: AuditEntry) -> tuple[object, ...]:
    return (
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.actor,
        entry.origin,
        entry.cmdlet,
        "; ".join(entry.identities),
        entry.count,
        "; ".join(map(_in_words, entry.changes)),
        entry.succeeded,
        entry.error,
        entry.command,
    )


def _in_words(change: Change) -> str:
    """One parameter in one cell: `Port: 25 -> 587`, and for a secret that it was changed."""
    if change.secret:
        return f"{change.name}: {change.new}"
    old = f"{written(change.old)} -> " if change.known or change.old is not None else ""
    return f"{change.name}: {old}{written(change.new) if change.given else 'removed'}"
