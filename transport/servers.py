"""Transport servers: they register themselves, beat, and are alive while they do."""

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from transport.models import QueuedMessage, TransportServer
from transport.states import ComponentState, DeliveryType

BEAT_INTERVAL = timedelta(seconds=5)
ALIVE_FOR = timedelta(seconds=30)
"""A server that has not beaten for so long takes no new mail."""
TAKEN_OVER_AFTER = ALIVE_FOR + timedelta(seconds=5)
"""By then the last message was placed on it by somebody who did not know that it is silent."""


KNOWN_FOR = timedelta(seconds=2)
_known: dict[int, tuple[TransportServer, float]] = {}
"""Servers, and when they were read."""
_woke_at: list[datetime] = []
"""When this server began to beat, or began again."""
SHARE_KNOWN_FOR = timedelta(seconds=1)
_sending: list[tuple[set[str], float]] = []
"""Names of the servers that send, and when they were read; at most one."""


def register() -> TransportServer:
    """Make this process's server known, or bring its name and version up to date.

    ADMINCENTER_ALLOWED_MX_NETWORKS counts only the first time: later the administrator's word does.
    """
    known = {"fqdn": settings.SERVER_FQDN, "version": settings.PRODUCT_VERSION}
    server, _ = TransportServer.objects.update_or_create(
        name=settings.SERVER_NAME,
        defaults=known,
        create_defaults={**known, "allowed_mx_networks": settings.ALLOWED_MX_NETWORKS},
    )
    return server


def beat(*, now: datetime) -> TransportServer:
    """Say that this server's worker runs; registers it when its row is gone.

    A server that comes (back) to life makes mail that waits for dead ones worth another look.
    """
    server = own()
    if not is_alive(server, now=now):
        _woke_at[:] = [now]
        TransportServer.objects.filter(taken_over=True).update(taken_over=False)
    server.last_beat_at = now
    server.taken_over = False
    server.save(update_fields=["last_beat_at", "taken_over"])
    return server


def take_over(*, now: datetime) -> list[int]:
    """Ids of the servers that stopped beating; their waiting mail is marked once to be placed anew.

    Who was away himself cannot tell yet: the database may have been away, from everybody.
    """
    if any(timedelta(0) <= now - woke_at < TAKEN_OVER_AFTER for woke_at in _woke_at):
        return []
    silent = TransportServer.objects.filter(
        Q(last_beat_at__lt=now - TAKEN_OVER_AFTER) | Q(last_beat_at__isnull=True)
    ).exclude(name=settings.SERVER_NAME)
    for server in silent.filter(taken_over=False):
        # The swap makes one of several servers do it.
        with transaction.atomic():
            if TransportServer.objects.filter(pk=server.pk, taken_over=False).update(taken_over=True):
                mail = QueuedMessage.objects.filter(queue__server=server)
                mail.exclude(queue__delivery_type=DeliveryType.POISON).update(routed_generation=0)
    return list(silent.values_list("pk", flat=True))


def own() -> TransportServer:
    """The server this process belongs to; registers it when nobody has."""
    return TransportServer.objects.filter(name=settings.SERVER_NAME).first() or register()


def known(server_id: int) -> TransportServer:
    """A server as it was a moment ago: sessions ask for it with every opening."""
    found = _known.get(server_id)
    if found is None or time.monotonic() - found[1] > KNOWN_FOR.total_seconds():
        found = _known[server_id] = (TransportServer.objects.get(pk=server_id), time.monotonic())
    return found[0]


def forget() -> None:
    """Read every server again before the next answer of `known` or `sharing`."""
    _known.clear()
    _sending.clear()
    _woke_at.clear()


def sharing(names: Collection[str]) -> int:
    """How many of these servers send now, this one always among them; as it was a moment ago."""
    read_at = time.monotonic()
    if not _sending or read_at - _sending[0][1] > SHARE_KNOWN_FOR.total_seconds():
        alive = {server.name for server in TransportServer.objects.all() if takes_mail(server)}
        _sending[:] = [(alive, read_at)]
    return len((_sending[0][0] & set(names)) | {settings.SERVER_NAME})


def registered() -> Sequence[TransportServer]:
    """All servers that ever registered, by name."""
    return list(TransportServer.objects.order_by("name"))


def takes_mail(server: TransportServer, *, now: datetime | None = None) -> bool:
    """Whether new mail may be placed on it."""
    in_service = server.component_state == ComponentState.ACTIVE and server.redirect_to_id is None
    return in_service and is_alive(server, now=now)


def is_alive(server: TransportServer, *, now: datetime | None = None) -> bool:
    """Whether its worker has beaten lately."""
    if server.last_beat_at is None:
        return False
    return (now or timezone.now()) - server.last_beat_at < ALIVE_FOR
