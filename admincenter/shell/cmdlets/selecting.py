"""What cmdlets share that select: identities, servers, filters, sort orders, result sizes, batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from admincenter.filtering.conditions import compile_filter, parse_order
from admincenter.filtering.properties import Property
from admincenter.filtering.syntax import FilterError
from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import FILTER, ORDER, RESULT_SIZE, TEXT, Parameter
from admincenter.shell.rows import Row
from transport.models import TransportServer

Found = TypeVar("Found")
Listed = TypeVar("Listed", bound=Model)
DEFAULT_RESULT_SIZE = 1000
BATCH = 500
"""So many rows go to the database in one statement and one transaction."""
SERVER_FILTER = Parameter(
    name="Filter",
    kind=FILTER,
    help="-eq -ne -gt -ge -lt -le, -like with *; joined by -and, or by -or and -not with parentheses.",
)
SERVER = Parameter(
    name="Server", kind=TEXT, help="The transport server. Default: the one of this shell. *: all of them."
)
RESULT_SIZE_LIMIT = Parameter(
    name="ResultSize", kind=RESULT_SIZE, help="How many at most. Default: 1000; unlimited: all."
)
SORT_ORDER = Parameter(
    name="SortOrder", kind=ORDER, help="As in -SortOrder:-Size,+Subject; - falls, + rises. Default: Identity."
)


def chosen(
    cmdlet: Cmdlet, rows: Iterator[Row] | None, *, identity: Parameter[str], find: Callable[[str], Found]
) -> list[Found]:
    """Give what a call means: the one that -Identity names, or what comes from the pipeline; never both."""
    if rows is not None and cmdlet.bound.given(identity):
        cmdlet.refuse(f"-{identity.name} and the pipeline exclude each other", identity)
    if rows is not None:
        return [row.source for row in rows]
    text = cmdlet.bound.get(identity)
    if not text:
        what = cmdlet.accepts[0].plural
        cmdlet.refuse(f"{cmdlet.name} needs -{identity.name}, or {what} from the pipeline", identity)
    return [find(text)]


def on_server(cmdlet: Cmdlet, *, path: str) -> Q:
    """Keep what is on the server that the call means; `path` leads to it."""
    name = cmdlet.bound.get(SERVER) or cmdlet.shell.server
    if name == "*":
        return Q()
    if not TransportServer.objects.filter(name__iexact=name).exists():
        cmdlet.refuse(f"there is no transport server {name}; -Server * means all", SERVER)
    return Q(**{f"{path}__name__iexact": name})


def filtered(cmdlet: Cmdlet, properties: Mapping[str, Property]) -> Q:
    """Read -Filter."""
    try:
        return compile_filter(cmdlet.bound.get(SERVER_FILTER) or "", properties)
    except FilterError as error:
        cmdlet.refuse(f"-Filter, its {error}", SERVER_FILTER)


def ordered(
    cmdlet: Cmdlet, listing: "QuerySet[Listed]", properties: Mapping[str, Property]
) -> "QuerySet[Listed]":
    """Apply -SortOrder; the identity is always the last key (exchange.md 4.6)."""
    text = cmdlet.bound.get(SORT_ORDER)
    try:
        keys = parse_order(text, properties) if text else ()
    except FilterError as error:
        cmdlet.refuse(f"-SortOrder, its {error}", SORT_ORDER)
    columns = [column for key in keys for column in key.columns]
    return listing.order_by(*columns, *properties["identity"].order)


def limited(cmdlet: Cmdlet, listing: "QuerySet[Listed]") -> Iterator[Listed]:
    """Give as many as -ResultSize allows, and say so when there are more."""
    size = DEFAULT_RESULT_SIZE
    if cmdlet.bound.given(RESULT_SIZE_LIMIT):
        wanted = cmdlet.bound.get(RESULT_SIZE_LIMIT)
        if wanted is None:
            yield from listing.iterator(chunk_size=BATCH)
            return
        size = wanted
    rows = listing[: size + 1].iterator(chunk_size=BATCH)
    yield from islice(rows, size)
    if next(rows, None) is not None:
        cmdlet.shell.console.note(f"There are more than {size}: -ResultSize unlimited gives all.")


def in_batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """Cut a selection into pieces that every database takes in one statement."""
    waiting = iter(ids)
    while batch := list(islice(waiting, BATCH)):
        yield batch
