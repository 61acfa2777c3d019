"""The intervals and limits of each transport server as they stand in its row, read anew every two seconds.

So a change reaches every running process within seconds, and no message costs a query.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta

from django.conf import settings

from transport.ceilings import Ceilings
from transport.models import TransportServer
from transport.retries import Schedule

KNOWN_FOR = timedelta(seconds=2)
_SCHEDULE_FIELDS = tuple(field.name for field in fields(Schedule))
_CEILING_FIELDS = tuple(field.name for field in fields(Ceilings))
_DEFAULT = (Schedule(), Ceilings())


@dataclass(frozen=True, slots=True)
class _Known:
    by_id: Mapping[int, tuple[Schedule, Ceilings]]
    by_name: Mapping[str, tuple[Schedule, Ceilings]]
    read_at: float


_known: list[_Known] = []
"""The last look at the table of servers, at most one."""


def schedule_of(server_id: int) -> Schedule:
    """Give the intervals of a server; Exchange's defaults for one that is not there."""
    return _look().by_id.get(server_id, _DEFAULT)[0]


def ceilings_of(server_id: int) -> Ceilings:
    """Give the limits of a server; the defaults for one that is not there."""
    return _look().by_id.get(server_id, _DEFAULT)[1]


def own_schedule() -> Schedule:
    """Give the intervals of the server that this process belongs to."""
    return _look().by_name.get(settings.SERVER_NAME, _DEFAULT)[0]


def own_ceilings() -> Ceilings:
    """Give the limits of the server that this process belongs to."""
    return _look().by_name.get(settings.SERVER_NAME, _DEFAULT)[1]


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
    rows = TransportServer.objects.values_list("pk", "name", *_SCHEDULE_FIELDS, *_CEILING_FIELDS)
    by_id, by_name = {}, {}
    for server_id, name, *values in rows:
        schedule = dict(zip(_SCHEDULE_FIELDS, values, strict=False))
        ceilings = dict(zip(_CEILING_FIELDS, values[len(_SCHEDULE_FIELDS) :], strict=True))
        by_id[server_id] = by_name[name] = (Schedule(**schedule), Ceilings(**ceilings))
    return _Known(by_id=by_id, by_name=by_name, read_at=read_at)
