"""What an administrator does with a server: drain it, take it back into service, redirect its mail.

A draining server takes no new mail for its queues, finishes what it is sending, and hands over what waits in
its delivery queues to the other live source servers of the connectors. What no other server may send it goes
on sending. Suspended messages, suspended queues and poison messages stay.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors import audit
from connectors.commands import Change
from transport import categorizer, servers
from transport.models import TransportServer
from transport.states import ComponentState

logger = logging.getLogger(__name__)
COMPONENT = "HubTransport"
"""The one component of a server, in Exchange's words."""
SETTLED_AFTER = 2 * categorizer.SERVERS_KNOWN_FOR
"""By then every process knows that the server takes no more mail."""


def set_state(server: TransportServer, state: ComponentState, *, actor: str) -> bool:
    """Drain a server, or take it back into service; returns whether that changed something."""
    handover_at = _handover_at() if state is ComponentState.DRAINING else None
    with transaction.atomic():
        others = TransportServer.objects.filter(pk=server.pk).exclude(component_state=state)
        count = others.update(component_state=state, redirect_to=None, handover_at=handover_at)
        transaction.on_commit(categorizer.forget_servers)
        if count:
            _tell_state(server, state, actor=actor)
    return bool(count)


def _tell_state(server: TransportServer, state: ComponentState, *, actor: str) -> None:
    """There are two states: the old one was the other."""
    old = next(one for one in ComponentState if one is not state)
    changes = (
        Change(name="Component", new=COMPONENT),
        Change(name="State", old=old.value, new=state.value),
    )
    audit.record("Set-ServerComponentState", actor=actor, objects=[server.name], changes=changes)
    logger.info("server_state_set", extra={"actor": actor, "server": server.name, "state": state.value})


@audit.tells_refusals("Redirect-Message", named=lambda server, **_: server.name)
def redirect(server: TransportServer, *, target: TransportServer, actor: str) -> None:
    """Redirect-Message: move the mail of all delivery queues of a server as if `target` had accepted it.

    The server takes no new mail until that is done. Raises ValueError with a sentence for administrators.
    """
    if server.pk == target.pk:
        raise ValueError("mail is redirected to another server than its own.")
    if not servers.takes_mail(target):
        raise ValueError(f"{target.name} does not take mail now: its worker is silent, or it is drained.")
    with transaction.atomic():
        TransportServer.objects.filter(pk=server.pk).update(redirect_to=target, handover_at=_handover_at())
        transaction.on_commit(categorizer.forget_servers)
        changes = (Change(name="Server", new=server.name), Change(name="Target", new=target.name))
        audit.record("Redirect-Message", actor=actor, objects=[server.name], changes=changes)
    logger.info("mail_redirected", extra={"actor": actor, "server": server.name, "target": target.name})


def _handover_at() -> datetime:
    return timezone.now() + SETTLED_AFTER
