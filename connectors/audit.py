"""Writes the admin audit log (exchange.md 12.3): who changed what, when, from where, and what was refused.

An entry is written in the transaction of its change, so there is neither without the other. What was refused
is written after its transaction was rolled back. Age is the only thing that ends an entry.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import wraps
from itertools import islice
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connectors.commands import Change
from connectors.errors import ConnectorError
from connectors.models import AuditEntry
from connectors.models.audit import (
    MAX_ACTOR_CHARACTERS,
    MAX_ERROR_CHARACTERS,
    MAX_ORIGIN_CHARACTERS,
    NAMED,
)

P = ParamSpec("P")
R = TypeVar("R")
LOCAL_CONSOLE = "local console"
FORGOTTEN_AT_ONCE = 500
origin: ContextVar[str] = ContextVar("origin", default="")
"""Where the person is who is being served: set at the borders."""


@contextmanager
def coming_from(place: str) -> Iterator[None]:
    """Say where the person is whom the work in this block is done for."""
    token = origin.set(place)
    try:
        yield
    finally:
        origin.reset(token)


def record(  # noqa: PLR0913 - each column by name
    cmdlet: str,
    *,
    actor: str,
    objects: Iterable[str],
    changes: Iterable[Change] = (),
    count: int | None = None,
    error: str = "",
) -> None:
    """Write one entry; call it within the transaction of the change.

    `objects` are identities, of which the first `NAMED` are kept; `count` says how many there were, if more.
    """
    named = [_one_line(one) for one in islice(objects, NAMED)]
    AuditEntry.objects.create(
        at=timezone.now(),
        actor=actor[:MAX_ACTOR_CHARACTERS],
        origin=origin.get()[:MAX_ORIGIN_CHARACTERS],
        cmdlet=cmdlet,
        objects_named="\n".join(filter(None, named)),
        count=len(named) if count is None else count,
        parameters=[one.stored() for one in changes],
        error=_one_line(error)[:MAX_ERROR_CHARACTERS],
    )


def tells_refusals(cmdlet: str, *, named: Callable[..., str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service that takes `actor`: what it refuses is written too, and raised again.

    `named` gets the arguments of the call and gives the identity of the object that was meant.
    """

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @wraps(service)
        def telling(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return service(*args, **kwargs)
            except (ConnectorError, ValueError) as error:
                identity = named(*args, **kwargs)
                record(cmdlet, actor=str(kwargs["actor"]), objects=[identity], count=0, error=str(error))
                raise

        return telling

    return decorate


def forget_old(*, now: datetime) -> int:
    """Remove some of the entries whose time is over; returns how many."""
    due = AuditEntry.objects.filter(at__lt=now - timedelta(days=settings.AUDIT_LOG_DAYS))
    ids: Sequence[int] = list(due.order_by("at", "pk").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if ids:
        with transaction.atomic():
            rows = AuditEntry.objects.filter(pk__in=ids)
            rows._raw_delete(rows.db)  # noqa: SLF001 - the one way round what refuses every other deletion
    return len(ids)


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
