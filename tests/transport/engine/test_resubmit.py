"""Mail of whole queues goes back to the categorizer: asked for by a person, or after twelve idle hours."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import services
from tests.support.engine import GREYLISTED, accept, connector, open_for, outcome, server
from tests.transport.engine.test_intervals import changed, clock
from tests.transport.engine.test_sessions import settle
from transport import operations, rerouting, wishes
from transport.models import Queue, QueuedMessage
from transport.queue import resubmits
from transport.states import DeliveryType, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def here():
    made = server()
    connector()
    return made


@pytest.fixture
def in_retry(here):
    """A queue in Retry with three messages."""
    for number in range(3):
        accept(f"bob{number}@fabrikam.test", at=here)
    later = timezone.now() + timedelta(minutes=10)
    Queue.objects.update(retry_count=20, next_retry_at=later, first_retry_at=timezone.now())
    return Queue.objects.get()


def generations() -> list[int]:
    return list(QueuedMessage.objects.order_by("pk").values_list("routed_generation", flat=True))


def test_a_queue_in_retry_is_routed_anew_and_dials_at_once(here, in_retry):
    QueuedMessage.objects.update(routed_generation=10**9)
    assert operations.resubmit_queues(Queue.objects.all(), actor="tests") == 1
    rerouting.reroute(here, now=timezone.now())
    queue = Queue.objects.get()

    assert max(generations()) < 10**9
    assert queue.next_retry_at <= timezone.now()
    assert (queue.retry_count, queue.first_retry_at, queue.resubmit_until) == (1, None, 0)
    assert in_retry.pk == queue.pk


@pytest.mark.usefixtures("in_retry")
def test_what_the_categorizer_chooses_now_counts(here):
    operations.resubmit_queues(Queue.objects.all(), actor="tests")
    connector("Second", spaces="fabrikam.test", smart_hosts=("smart.test",))
    rerouting.reroute(here, now=timezone.now())

    assert set(QueuedMessage.objects.values_list("queue__next_hop_domain", flat=True)) == {"smart.test"}


@pytest.mark.usefixtures("in_retry")
def test_suspended_messages_stay(here):
    kept = QueuedMessage.objects.first()
    operations.suspend_messages(QueuedMessage.objects.filter(pk=kept.pk), actor="tests")
    QueuedMessage.objects.update(routed_generation=10**9)
    operations.resubmit_queues(Queue.objects.all(), actor="tests")
    resubmits.work_off([here.pk], now=timezone.now())

    assert generations() == [10**9, 0, 0]


@pytest.mark.parametrize("fields", [{"next_retry_at": None}, {"suspended": True}, {"message_count": 0}])
@pytest.mark.usefixtures("in_retry")
def test_queues_that_are_not_in_retry_or_suspended_or_empty_are_left_alone(fields):
    Queue.objects.update(**fields)

    assert operations.resubmit_queues(Queue.objects.all(), actor="tests") == 0


@pytest.mark.usefixtures("in_retry")
def test_the_poison_queue_is_left_alone():
    Queue.objects.update(delivery_type=DeliveryType.POISON)

    assert operations.resubmit_queues(Queue.objects.all(), actor="tests") == 0


def test_the_unreachable_queue_is_routed_anew():
    here = server()
    accept("bob@fabrikam.test", at=here)
    QueuedMessage.objects.update(routed_generation=10**9)
    connector()
    assert operations.resubmit_queues(Queue.objects.all(), actor="tests") == 1
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.delivery_type == DeliveryType.MX


def test_what_a_session_holds_follows_when_that_lets_go_of_it(here, in_retry):
    Queue.objects.update(next_retry_at=timezone.now(), retry_count=0)
    queued = QueuedMessage.objects.select_related("queue").first()
    opened = open_for(queued, most=3)
    assert len(opened.claims) == 3
    operations.resubmit_queues(Queue.objects.all(), actor="tests")
    internet = in_retry.connector_id
    connector("Second", smart_hosts=("smart.test",), spaces="fabrikam.test")
    rerouting.reroute(here, now=timezone.now())
    assert set(QueuedMessage.objects.values_list("queue__connector_id", flat=True)) == {internet}
    settle(wishes.Settle(outcome=outcome(opened, GREYLISTED, retry_at=timezone.now() + timedelta(minutes=5))))
    rerouting.reroute(here, now=timezone.now())

    moved = QueuedMessage.objects.exclude(queue__connector_id=internet).get()
    assert (moved.message_id, moved.state) == (queued.message_id, QueuedState.READY)
    assert QueuedMessage.objects.filter(session_id=opened.session_id).count() == 2


def test_a_large_queue_is_worked_off_in_batches_and_newcomers_stay(here, in_retry, monkeypatch):
    monkeypatch.setattr(resubmits, "BATCH", 2)
    operations.resubmit_queues(Queue.objects.all(), actor="tests")
    late = accept("eva@fabrikam.test", at=here)
    QueuedMessage.objects.update(routed_generation=10**9)

    assert resubmits.work_off([here.pk], now=timezone.now()) == 3
    assert generations() == [0, 0, 0, 10**9]
    assert QueuedMessage.objects.get(message=late).queue_id == in_retry.pk


@pytest.mark.usefixtures("in_retry")
def test_a_queue_that_delivered_nothing_for_twelve_hours_is_resubmitted_by_itself(here):
    now = timezone.now()
    assert resubmits.request_idle(here, now=now + timedelta(hours=11, minutes=59)) == 0
    assert resubmits.request_idle(here, now=now + timedelta(hours=12, minutes=1)) == 1
    resubmits.work_off([here.pk], now=now)

    assert generations() == [0, 0, 0]
    assert resubmits.request_idle(here, now=now + timedelta(hours=13)) == 0


@pytest.mark.usefixtures("in_retry")
def test_the_idle_time_is_that_of_the_server(here):
    changed(here, max_idle_time_before_resubmit=timedelta(minutes=1))
    Queue.objects.update(first_retry_at=timezone.now() - timedelta(minutes=2))
    QueuedMessage.objects.update(routed_generation=10**9)
    looks = clock()
    looks.look(now=timezone.now())
    looks.look(now=timezone.now())

    assert 0 < max(generations()) < 10**9


def test_a_connector_that_is_gone_meanwhile_sends_the_mail_to_unreachable(here, in_retry):
    operations.resubmit_queues(Queue.objects.all(), actor="tests")
    services.remove([in_retry.connector_id], actor="tests")
    rerouting.reroute(here, now=timezone.now())

    assert {row.queue.delivery_type for row in QueuedMessage.objects.select_related("queue")} == {
        DeliveryType.UNREACHABLE
    }
