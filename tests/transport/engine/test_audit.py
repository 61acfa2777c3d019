"""What people do to queues, messages and servers: one entry each, bounded, with how many it changed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import AuditEntry
from tests.support import queued_mail
from transport import deeds, maintenance, operations, resubmission, server_settings
from transport.envelope import Priority
from transport.models import Queue, QueuedMessage
from transport.states import ComponentState
from transport.suspensions import Note

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def queue():
    return queued_mail.queue_in_retry()


@pytest.fixture
def message(queue):
    return queued_mail.message(queue)


def last():
    return AuditEntry.objects.order_by("-pk").first()


@pytest.mark.usefixtures("message")
def test_each_verb_over_queues_leaves_one_entry_with_its_line(queue):
    name, queues = queue.identity, Queue.objects.all()
    until = timezone.now() + timedelta(hours=1)
    operations.suspend_queues(queues, actor="anna", said=Note(reason="their host is down", until=until))
    operations.resume_queues(queues, actor="anna")
    operations.retry_queues(queues, actor="anna")
    operations.resubmit_queues(queues, actor="anna")
    operations.remove_queue_messages(queues, with_ndr=False, actor="anna")

    assert [one.command for one in AuditEntry.objects.order_by("pk")] == [
        f'Suspend-Queue -Identity {name} -Reason "their host is down" -Until "{until:%Y-%m-%d %H:%M:%S}Z"',
        f"Resume-Queue -Identity {name}",
        f"Retry-Queue -Identity {name}",
        f"Retry-Queue -Identity {name} -Resubmit",
        f"Remove-Message -Filter \"Queue -eq '{name}'\" -WithNDR $false",
    ]
    assert last().count == 1


def test_each_verb_over_messages_leaves_one_entry_with_its_line(queue, message):
    identity, messages = message.identity, QueuedMessage.objects.filter(pk=message.pk)
    operations.retry_messages(messages, actor="anna")
    operations.suspend_messages(messages, actor="anna")
    operations.resume_messages(messages, actor="anna")
    operations.set_priority(messages, priority=Priority.HIGH, actor="anna")
    operations.remove_messages(messages, with_ndr=True, actor="anna")

    assert queue.identity in identity
    assert [one.command for one in AuditEntry.objects.order_by("pk")] == [
        f"Retry-Message -Identity {identity}",
        f"Suspend-Message -Identity {identity}",
        f"Resume-Message -Identity {identity}",
        f"Set-Message -Identity {identity} -Priority High",
        f"Remove-Message -Identity {identity} -WithNDR $true",
    ]


def test_what_changes_nothing_is_no_entry(message):
    operations.resume_queues(Queue.objects.all(), actor="anna")
    operations.resume_messages(QueuedMessage.objects.filter(pk=message.pk), actor="anna")
    operations.remove_messages(QueuedMessage.objects.none(), with_ndr=True, actor="anna")

    assert not AuditEntry.objects.exists()


def test_a_bulk_change_is_one_entry_that_names_some_and_counts_all(queue):
    for _ in range(deeds.NAMED + 5):
        queued_mail.message(queue)
    operations.suspend_messages(QueuedMessage.objects.all(), actor="anna")

    assert AuditEntry.objects.count() == 1
    assert (len(last().identities), last().count) == (deeds.NAMED, deeds.NAMED + 5)


def test_settings_of_a_server_are_told_in_the_names_of_the_shell():
    server = queued_mail.server()
    server_settings.set_lists(server, {"internal_dns_servers": ["192.0.2.53"]}, actor="anna")
    server_settings.set_limits(
        server,
        {"message_expiration_timeout": timedelta(days=4), "max_outbound_connections": None},
        actor="anna",
    )
    server_settings.set_limits(server, {"max_outbound_connections": None}, actor="anna")
    with pytest.raises(ValueError, match="is not between"):
        server_settings.set_limits(server, {"message_retry_interval": timedelta(days=999)}, actor="anna")
    lists, limits, refused = AuditEntry.objects.order_by("pk")

    assert lists.command == "Set-TransportService -Identity E15MB1 -InternalDNSServers 192.0.2.53"
    assert limits.command == (
        "Set-TransportService -Identity E15MB1 -MessageExpirationTimeout 4.00:00:00"
        " -MaxOutboundConnections unlimited"
    )
    assert [(one.name, one.old) for one in limits.changes] == [
        ("MessageExpirationTimeout", "2.00:00:00"),
        ("MaxOutboundConnections", 1000),
    ]
    assert (refused.identities, refused.succeeded) == (["E15MB1"], False)


def test_a_server_that_is_drained_and_whose_mail_is_redirected():
    server, other = queued_mail.server(), queued_mail.server("E15MB2")
    maintenance.set_state(server, ComponentState.DRAINING, actor="anna")
    maintenance.set_state(server, ComponentState.DRAINING, actor="anna")
    maintenance.redirect(server, target=other, actor="anna")
    with pytest.raises(ValueError, match="another server"):
        maintenance.redirect(server, target=server, actor="anna")
    drained, redirected, refused = AuditEntry.objects.order_by("pk")

    assert drained.command == (
        "Set-ServerComponentState -Identity E15MB1 -Component HubTransport -State Draining"
    )
    assert redirected.command == "Redirect-Message -Server E15MB1 -Target E15MB2"
    assert refused.error.startswith("mail is redirected to another server")


def test_resubmit_requests():
    server, now = queued_mail.server(), timezone.now()
    span = resubmission.Span(start_at=now - timedelta(hours=1), end_at=now, recipient="bob@fabrikam.com")
    request = resubmission.add(server, span, actor="anna", now=now)
    resubmission.cancel(request, actor="anna", now=now)
    resubmission.cancel(request, actor="anna", now=now)
    resubmission.remove(request, actor="anna")
    added, cancelled, removed = AuditEntry.objects.order_by("pk")

    assert "-Recipient bob@fabrikam.com -Server E15MB1" in added.command
    assert cancelled.command == f"Set-ResubmitRequest -Identity {request.pk} -Enabled $false"
    assert removed.command == f"Remove-ResubmitRequest -Identity {request.pk}"
