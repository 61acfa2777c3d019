"""The history of a send connector as its page shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from uuid import UUID

from django.http import HttpRequest

from admincenter.components.changes import Parameter, in_short, parameters
from admincenter.components.lists import read_number
from connectors.models import ConnectorVersion, Deed
from connectors.send_parameters import difference

ROWS = 50
TOLD = 4
"""So many changes of a version are told in its row; the rest is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One version in the list."""

    version: ConnectorVersion
    said: Sequence[str]
    """What differs from the version before, one line each."""
    more: int
    """How many differences are not said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What differs between two versions."""

    old: ConnectorVersion | None
    """None: `new` is the first one."""
    new: ConnectorVersion
    parameters: Sequence[Parameter]


def rows(guid: UUID, *, before: int) -> tuple[Sequence[Row], int]:
    """Give one page, the newest first, and the number before which the next one begins; 0 on the last."""
    found = ConnectorVersion.objects.of(guid)
    if before:
        found = found.filter(number__lt=before)
    read = list(found[: ROWS + 1])
    shown = [_row(new, old) for new, old in zip_longest(read, read[1:])][:ROWS]
    return shown, shown[-1].version.number if len(read) > ROWS else 0


def compare(request: HttpRequest, guid: UUID, *, newest: int) -> Comparison | None:
    """Compare the versions in the address: `to` with `from`, else with the one before it."""
    to = read_number(request.GET.get("to", "")) or newest
    since = read_number(request.GET.get("from", "")) or to - 1
    pair = ConnectorVersion.objects.of(guid).filter(number__in=(since, to))
    by_number = {one.number: one for one in pair}
    if to not in by_number or (since and since not in by_number):
        return None
    old, new = by_number.get(since), by_number[to]
    return Comparison(old=old, new=new, parameters=list(_parameters(old, new)))


def _row(new: ConnectorVersion, old: ConnectorVersion | None) -> Row:
    changes = difference(old.spec, new.spec, password_changed=new.password_changed) if old else ()
    said = [in_short(one) for one in changes]
    if new.deed == Deed.REMOVED:
        said = []
    return Row(version=new, said=said[:TOLD], more=max(0, len(said) - TOLD))


def _parameters(old: ConnectorVersion | None, new: ConnectorVersion) -> Iterator[Parameter]:
    if old is None or old.number == new.number:
        return
    between = sorted((old.number, new.number))
    typed = ConnectorVersion.objects.of(new.guid).filter(
        number__gt=between[0], number__lte=between[1], password_changed=True
    )
    changes = difference(old.spec, new.spec, password_changed=typed.exists())
    yield from parameters(changes)
