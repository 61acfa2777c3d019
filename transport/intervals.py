"""The intervals, limits and log settings of each transport server, read anew every two seconds.

So a change reaches every running process within seconds, and no message costs a query.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from itertools import chain

from django.conf import settings

from transport.ceilings import Ceilings
from transport.keeping import Keeping
from transport.models import TransportServer
from transport.retries import Schedule

KNOWN_FOR = timedelta(seconds=2)
Settings = tuple[Schedule, Ceilings, Keeping]
_KINDS = (Schedule, Ceilings, Keeping)
_FIELDS = tuple(tuple(field.name for field in fields(kind)) for kind in _KINDS)
_DEFAULT: Settings = (Schedule(), Ceilings(), Keeping())


@dataclass(frozen=True, slots=True)
class _Known:
    by_id: Mapping[int, Settings]
    by_name: Mapping[str, Settings]
    read_at: float


_known: list[_Known] = []
"""The last look at the table of servers, at most one."""


def schedule_of(server_id: int) -> Schedule:
    """Give the intervals of a server; Exchange's defaults for one that is not there."""
    return _look().by_id.get(server_id, _DEFAULT)[0]


def ceilings_of(server_id: int) -> Ceilings:
    """Give the limits of a server; the defaults for one that is not there."""
    return _look().by_id.get(server_id, _DEFAULT)[1]


def keeping_of(server_id: int) -> Keeping:
    """Give the log settings of a server; Exchange's defaults for one that is not there."""
    return _look().by_id.get(server_id, _DEFAULT)[2]


def own_schedule() -> Schedule:
    """Give the intervals of the server that this process belongs to."""
    return _look().by_name.get(settings.SERVER_NAME, _DEFAULT)[0]


def own_ceilings() -> Ceilings:
    """Give the limits of the server that this process belongs to."""
    return _look().by_name.get(settings.SERVER_NAME, _DEFAULT)[1]


def own_keeping() -> Keeping:
    """Give the log settings of the server that this process belongs to."""
    return _look().by_name.get(settings.SERVER_NAME, _DEFAULT)[2]


def refresh() -> None:
    """Look at the table now: in a worker the dispatcher does it, so that sessions need no connection."""
    _known[:] = [_read()]


def forget() -> None:
    """Look at the table again before the next answer."""
    _known.clear()


def _look() -> _Known:
    known = _known[0] if _known else None
    if known is None or time.monotonic() - known.read_at > KNOWN_FOR.total_seconds():
        known = _read()
        _known[:] = [known]
    return known


def _read() -> _Known:
    read_at = time.monotonic()
    rows = TransportServer.objects.values_list("pk", "name", *chain(*_FIELDS))
    by_id, by_name = {}, {}
    for server_id, name, *values in rows:
        stored = iter(values)
        schedule, ceilings, keeping = (
            {field: next(stored) for field in fields_of_kind} for fields_of_kind in _FIELDS
        )
        by_id[server_id] = by_name[name] = (Schedule(**schedule), Ceilings(**ceilings), Keeping(**keeping))
    return _Known(by_id=by_id, by_name=by_name, read_at=read_at)
