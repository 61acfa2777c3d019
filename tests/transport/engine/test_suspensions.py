"""Who suspended what, why, and until when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import DELIVERED, accept, connector, open_for, outcome, server
from transport import operations
from transport import suspensions as known
from transport.models import Queue, QueuedMessage, Suspension
from transport.queue import records, suspensions
from transport.states import DeliveryType, Pending, QueuedState
from transport.suspensions import Note

pytestmark = [pytest.mark.django_db, pytest.mark.state]
HOUR = timedelta(hours=1)


@pytest.fixture
def here():
    made = server()
    connector()
    accept("bob@fabrikam.test")
    return made


@pytest.fixture
def queue(here):
    return Queue.objects.get(server=here, delivery_type=DeliveryType.MX)


def suspend_queue(queue, *, actor="anna", **said) -> int:
    return operations.suspend_queues(Queue.objects.filter(pk=queue.pk), actor=actor, said=Note(**said))


def suspend_message(*, actor="anna", **said) -> QueuedMessage:
    operations.suspend_messages(QueuedMessage.objects.all(), actor=actor, said=Note(**said))
    return QueuedMessage.objects.get()


def test_a_suspended_queue_names_owner_and_reason(queue):
    suspend_queue(queue, reason="they move")
    said = known.of_queue(queue.pk)

    assert (said.by, said.reason, said.until) == ("anna", "they move", None)


def test_who_suspends_again_does_not_become_the_owner(queue):
    suspend_queue(queue)
    suspend_message()

    assert suspend_queue(queue, actor="eva") == 0
    held = suspend_message(actor="eva")
    assert known.of_queue(queue.pk).by == "anna"
    assert known.of_messages([held.pk])[held.pk].by == "anna"


def test_resuming_forgets_it(queue):
    suspend_queue(queue)
    suspend_message()
    operations.resume_queues(Queue.objects.all(), actor="eva")
    operations.resume_messages(QueuedMessage.objects.all(), actor="eva")

    assert not Suspension.objects.exists()


def test_a_suspension_ends_when_its_time_is_over_and_not_before(here, queue):
    now = timezone.now()
    suspend_queue(queue, until=now + HOUR)
    suspend_message(until=now + HOUR)

    assert suspensions.end_due(here, now=now + HOUR - timedelta(seconds=1)) == 0
    assert Queue.objects.get(pk=queue.pk).suspended
    assert suspensions.end_due(here, now=now + HOUR) == 2
    assert not Queue.objects.get(pk=queue.pk).suspended
    assert QueuedMessage.objects.get().state == QueuedState.READY
    assert not Suspension.objects.exists()


def test_each_server_ends_its_own(here, queue):
    now = timezone.now()
    suspend_queue(queue, until=now)

    assert suspensions.end_due(server("E15MB2"), now=now + HOUR) == 0
    assert suspensions.end_due(here, now=now + HOUR) == 1


def test_a_message_in_transfer_that_is_to_be_suspended_ends_that_too(here):
    now = timezone.now()
    open_for(QueuedMessage.objects.get())
    assert suspend_message(until=now).pending == Pending.SUSPEND

    assert suspensions.end_due(here, now=now + HOUR) == 1
    assert QueuedMessage.objects.get().pending == Pending.NOTHING


def test_what_is_known_of_a_message_that_has_ended_is_forgotten(here, queue):
    opened = open_for(QueuedMessage.objects.get())
    suspend_message(reason="look at it")
    suspend_queue(queue)
    assert suspensions.forget_ended(here, now=timezone.now()) == 0
    records.record([outcome(opened, DELIVERED)], now=timezone.now())

    assert suspensions.forget_ended(here, now=timezone.now()) == 1
    assert [one.target_id for one in Suspension.objects.all()] == [queue.pk]
