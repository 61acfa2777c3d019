from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import REFUSED, accept, connector, open_for, server
from tests.transport.engine.test_sessions import close, settle
from transport import operations, servers
from transport.models import Message, Queue, QueuedMessage, Recipient
from transport.queue import resubmits
from transport.queue.claimed import with_content
from transport.states import DeliveryType, QueuedState, RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def queued():
    server()
    connector()
    return QueuedMessage.objects.select_related("queue").get(message=accept("bob@fabrikam.test"))


def test_retrying_a_queue_lets_it_connect_now_and_starts_its_timer_again(queued):
    settle(close(open_for(queued), REFUSED))
    assert open_for(queued) is None
    assert operations.retry_queues(Queue.objects.all(), actor="tests") == 1

    assert Queue.objects.get().retry_count == 0
    assert open_for(queued) is not None


def test_retrying_a_queue_tries_its_deferred_messages_too(queued):
    QueuedMessage.objects.update(
        state=QueuedState.RETRY, next_attempt_at=timezone.now() + timedelta(minutes=5)
    )
    operations.retry_queues(Queue.objects.all(), actor="tests")

    assert open_for(queued) is not None


@pytest.mark.usefixtures("queued")
def test_a_suspended_queue_is_not_retried():
    operations.suspend_queues(Queue.objects.all(), actor="tests")

    assert operations.retry_queues(Queue.objects.all(), actor="tests") == 0


def test_suspending_twice_counts_once_and_resuming_undoes_it(queued):
    assert operations.suspend_queues(Queue.objects.all(), actor="tests") == 1
    assert operations.suspend_queues(Queue.objects.all(), actor="tests") == 0
    assert Queue.objects.with_status().get().status == "Suspended"
    assert operations.resume_queues(Queue.objects.all(), actor="tests") == 1

    assert open_for(queued) is not None


@pytest.mark.usefixtures("queued")
def test_retrying_the_unreachable_queue_asks_for_a_new_route():
    QueuedMessage.objects.update(routed_generation=99)
    Queue.objects.update(delivery_type=DeliveryType.UNREACHABLE)
    operations.retry_queues(Queue.objects.all(), actor="tests")
    resubmits.work_off([servers.own().pk], now=timezone.now())

    assert QueuedMessage.objects.get().routed_generation == 0


def test_a_suspended_message_is_not_sent_until_it_is_resumed(queued):
    assert operations.suspend_messages(QueuedMessage.objects.all(), actor="tests") == 1
    assert open_for(queued) is None
    assert operations.resume_messages(QueuedMessage.objects.all(), actor="tests") == 1

    assert open_for(queued) is not None


@pytest.mark.usefixtures("queued")
def test_resuming_a_message_that_is_not_suspended_does_nothing():
    assert operations.resume_messages(QueuedMessage.objects.all(), actor="tests") == 0


def test_removing_with_a_report_sends_one_to_the_sender(queued):
    assert operations.remove_messages(QueuedMessage.objects.all(), with_ndr=True, actor="tests") == 1
    report = Message.objects.get(source="DSN")

    assert Recipient.objects.get(message=report).address == "anna@contoso.test"
    assert Recipient.objects.get(message=queued.message_id).state == RecipientState.FAILED


@pytest.mark.usefixtures("queued")
def test_removing_without_a_report_sends_nothing():
    assert operations.remove_messages(QueuedMessage.objects.all(), with_ndr=False, actor="tests") == 1

    assert not Message.objects.filter(source="DSN").exists()
    assert Queue.objects.get().message_count == 0


def test_removing_a_message_that_is_being_sent_marks_it(queued):
    open_for(queued)

    assert operations.remove_messages(QueuedMessage.objects.all(), with_ndr=False, actor="tests") == 1
    assert QueuedMessage.objects.with_status().get().status == "Pending Remove"


def test_acting_on_what_just_vanished_moves_nothing(queued):
    gone = QueuedMessage.objects.filter(pk=queued.pk)
    operations.remove_messages(QueuedMessage.objects.all(), with_ndr=False, actor="tests")

    assert operations.retry_messages(gone, actor="tests") == 0
    assert operations.suspend_messages(gone, actor="tests") == 0
    assert operations.remove_messages(gone, with_ndr=True, actor="tests") == 0


def test_retrying_one_message_opens_the_gate_of_its_queue(queued):
    settle(close(open_for(queued), REFUSED))

    assert operations.retry_messages(QueuedMessage.objects.all(), actor="tests") == 1
    assert open_for(queued) is not None


def test_an_exported_message_is_byte_for_byte_what_will_be_sent(queued):
    exported = operations.export_message(queued)

    assert b"".join(exported.chunks) == b"".join(with_content(open_for(queued).claims)[0].content)
    assert exported.file_name == f"{queued.message_id}.eml"
