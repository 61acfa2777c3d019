"""Events put straight into the message tracking log, as old and as odd as a test wants them."""

from datetime import timedelta

from django.utils import timezone

from transport.models import TrackingEvent, TransportServer


def received(message_id, *, at=None, on="E15MB1", **fields):
    """The line with which the story of a message begins."""
    facts = {
        "source": "SMTP",
        "connector": "Default E15MB1",
        "peer_name": "client.contoso.com",
        "peer_address": "192.0.2.1",
        "recipients": "bob@fabrikam.com",
        "sender": "anna@contoso.com",
        "internet_message_id": f"<{message_id}@client.contoso.com>",
        "subject": f"Hello {message_id}",
        "total_bytes": 4000,
    }
    return line(message_id, at=at, on=on, **{"event": "RECEIVE", **facts, **fields})


def sent(message_id, *, at=None, on="E15MB1", **fields):
    """The line that says that the next hop took it."""
    facts = {
        "source": "SMTP",
        "connector": "Internet",
        "peer_name": "mx.fabrikam.com",
        "peer_address": "192.0.2.25:25",
        "recipients": "bob@fabrikam.com",
        "statuses": "250 2.0.0 Queued as 7",
        "context": "0000000000010001",
    }
    return line(message_id, at=at, on=on, **{"event": "SEND", **facts, **fields})


def line(message_id, *, at=None, on="E15MB1", **fields):
    """Any line."""
    server, _ = TransportServer.objects.get_or_create(name=on, defaults={"fqdn": f"{on.lower()}.contoso.com"})
    at = at or timezone.now() - timedelta(hours=1)
    return TrackingEvent.objects.create(message_id=message_id, at=at, server_id=server.pk, **fields)
