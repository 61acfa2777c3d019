"""Queues and messages put straight into the tables, in any state, however odd."""

import hashlib
from datetime import timedelta

from django.utils import timezone

from transport.models import (
    Attempt,
    Content,
    Message,
    Queue,
    QueuedMessage,
    Recipient,
    Session,
    TransportServer,
)
from transport.states import DeliveryType, Pending, QueuedState

REFUSED = "421 4.4.1 Connection refused"


def server(name="E15MB1"):
    """A transport server."""
    found, _ = TransportServer.objects.get_or_create(
        name=name, defaults={"fqdn": f"{name.lower()}.contoso.com", "last_beat_at": timezone.now()}
    )
    return found


def queue(next_hop="fabrikam.com", *, at="E15MB1", kind=DeliveryType.MX, **fields):
    """A queue; `message_count` is kept by `message`."""
    return Queue.objects.create(
        server=server(at),
        delivery_type=kind,
        next_hop_domain=next_hop,
        next_hop_key=hashlib.sha256(next_hop.encode()).hexdigest(),
        **{"connector_id": 1, "connector_name": "Internet", **fields},
    )


def queue_in_retry(next_hop="fabrikam.com", **fields):
    """A queue whose last connection attempt failed."""
    now = timezone.now()
    troubled = {
        "next_retry_at": now + timedelta(minutes=5),
        "last_retry_at": now - timedelta(minutes=5),
        "first_retry_at": now - timedelta(minutes=20),
        "retry_count": 3,
        "last_error": REFUSED,
        "last_error_host": f"mx.{next_hop} 192.0.2.25:25",
        "last_error_at": now - timedelta(minutes=5),
    }
    return queue(next_hop, **{**troubled, **fields})


def session(of, *, connected=True):
    """An SMTP session of a worker somewhere."""
    now = timezone.now()
    return Session.objects.create(
        queue=of,
        worker="w",
        host_name="elsewhere.test",
        process_id=1,
        connected=connected,
        opened_at=now,
        lease_until=now + timedelta(seconds=30),
    )


def message(of, *to, state=QueuedState.READY, pending=Pending.NOTHING, content=(), more=None, **fields):
    """A message that waits in queue `of`; `fields` are the message's, `more` the queued message's."""
    now = timezone.now()
    facts = {
        "mail_from": "anna@contoso.com",
        "subject": "Hello",
        "size_bytes": 4000,
        "trusted_sender": True,
        "source": "SMTP",
        "received_at": now - timedelta(hours=1),
    }
    stored = Message.objects.create(server=of.server, **{**facts, **fields})
    waiting = {
        "next_attempt_at": now,
        "entered_at": now - timedelta(hours=1),
        "expires_at": now + timedelta(days=2),
    }
    queued = QueuedMessage.objects.create(
        message=stored,
        queue=of,
        state=state,
        pending=pending,
        session_id=session(of).pk if state == QueuedState.ACTIVE else None,
        **{**waiting, **(more or {})},
    )
    for address in to or ("bob@fabrikam.com",):
        Recipient.objects.create(message=stored, queued_message_id=queued.pk, address=address)
    for position, data in enumerate(content):
        Content.objects.create(message=stored, position=position, data=data)
    of.message_count += 1
    of.entered += 1
    of.save(update_fields=["message_count", "entered"])
    return queued


def attempt(of, **fields):
    """One try of message `of`."""
    tried = {
        "queue_id": 1,
        "queue_identity": "E15MB1\\1",
        "connector_name": "Internet",
        "connector_version": 7,
        "at": timezone.now() - timedelta(minutes=3),
        "outcome": "deferred",
        "host": "mx.fabrikam.com",
        "address": "192.0.2.25:25",
        "stage": "CONNECT",
        "code": 421,
        "enhanced": "4.4.1",
        "text": "Connection refused",
    }
    return Attempt.objects.create(message=of, **{**tried, **fields})
