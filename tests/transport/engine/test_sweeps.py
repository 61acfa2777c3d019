import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import services
from tests.support.engine import LIMITS, WORKER, accept, connector, expired, open_for, server
from transport import operations, rerouting, servers
from transport.dispatcher import Dispatcher
from transport.models import Queue, QueuedMessage, Recipient
from transport.queue import claims, demand, sweeps, waits
from transport.rates import Sampler
from transport.states import DeliveryType, Pending, QueuedState, RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def here():
    return server()


def dispatcher(*, open_sessions: set[int] | None = None) -> Dispatcher:
    """The clock of this server; its rings go nowhere."""
    return Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=lambda _queue_id, _sessions: None,
        open_sessions=open_sessions or set(),
        stopping=threading.Event(),
    )


def test_a_message_expires_after_two_days_and_its_last_error_is_in_the_reply(here):
    connector()
    accept("bob@fabrikam.test")
    QueuedMessage.objects.update(last_error="421 4.4.1 Connection refused")
    ended = expired(here, now=timezone.now() + timedelta(days=2, seconds=1))
    reply = ended[0].failures[0][1]

    assert reply.line == "550 4.4.7 QUEUE.Expired; message expired -> 421 4.4.1 Connection refused"
    assert Recipient.objects.get().state == RecipientState.FAILED
    assert Queue.objects.get().message_count == 0


def test_a_suspended_message_does_not_expire_and_a_resumed_one_gets_an_hour(here):
    connector()
    accept("bob@fabrikam.test")
    QueuedMessage.objects.update(expires_at=timezone.now() - timedelta(days=1))
    operations.suspend_messages(QueuedMessage.objects.all(), actor="tests")
    assert expired(here, now=timezone.now()) == []
    operations.resume_messages(QueuedMessage.objects.all(), actor="tests")

    assert expired(here, now=timezone.now()) == []
    assert QueuedMessage.objects.get().expires_at > timezone.now() + timedelta(minutes=59)


def test_a_message_that_is_being_sent_does_not_expire(here):
    connector()
    accept("bob@fabrikam.test")
    open_for(QueuedMessage.objects.get())

    assert expired(here, now=timezone.now() + timedelta(days=3)) == []


@pytest.mark.usefixtures("here")
def test_removing_a_queues_messages_spares_what_came_later():
    connector()
    for _ in range(3):
        accept("bob@fabrikam.test")
    assert operations.remove_queue_messages(Queue.objects.all(), with_ndr=False, actor="tests") == 3
    late = accept("bob@fabrikam.test")
    looks = dispatcher()
    for _ in range(2):
        looks.look(now=timezone.now())
    queue = Queue.objects.get()

    assert list(QueuedMessage.objects.values_list("message", flat=True)) == [late]
    assert (queue.message_count, queue.removal) == (1, Pending.NOTHING)
    assert set(Recipient.objects.exclude(message=late).values_list("state", flat=True)) == {
        RecipientState.REMOVED
    }


def test_an_empty_queue_goes_after_three_minutes(here):
    connector()
    accept("bob@fabrikam.test")
    operations.remove_messages(QueuedMessage.objects.all(), with_ndr=False, actor="tests")
    now = timezone.now()
    assert sweeps.remove_idle_queues(here, now=now + timedelta(minutes=2)) == 0

    assert sweeps.remove_idle_queues(here, now=now + timedelta(minutes=4)) == 1
    assert accept("bob@fabrikam.test")
    assert Queue.objects.get().message_count == 1


def test_the_rates_are_messages_per_second_over_the_last_minute(here):
    connector()
    accept("bob@fabrikam.test")
    sampler = Sampler()
    now = timezone.now()
    sampler.sample(here, now=now)
    Queue.objects.update(entered=61, departed=30)
    sampler.sample(here, now=now + timedelta(seconds=60))
    queue = Queue.objects.get()

    assert (queue.incoming_rate, queue.outgoing_rate) == (1.0, 0.5)
    assert queue.velocity == -0.5


def test_a_new_connector_empties_the_unreachable_queue(here):
    accept("bob@fabrikam.test")
    connector()
    rerouting.reroute(here, now=timezone.now())
    queued = QueuedMessage.objects.get()

    assert queued.queue.delivery_type == DeliveryType.MX
    assert queued.queue.next_hop_domain == "fabrikam.test"
    assert queued.last_error == ""
    assert Queue.objects.get(delivery_type=DeliveryType.UNREACHABLE).message_count == 0
    assert Recipient.objects.get().queued_message_id == queued.pk


def test_a_suspended_unreachable_queue_keeps_its_mail(here):
    accept("bob@fabrikam.test")
    Queue.objects.update(suspended=True)
    connector()
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.delivery_type == DeliveryType.UNREACHABLE


def test_a_removed_connector_gives_its_mail_to_the_next_best_one(here):
    from connectors import services

    internet = connector()
    accept("bob@fabrikam.test")
    connector("Second", spaces="*;50", smart_hosts=("smart.test",))
    services.remove([internet.pk], actor="tests")
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.next_hop_domain == "smart.test"


def test_a_disabled_connector_sends_its_mail_to_unreachable_with_suspension_kept(here):
    from connectors import services

    internet = connector()
    accept("bob@fabrikam.test")
    operations.suspend_messages(QueuedMessage.objects.all(), actor="tests")
    services.disable([internet.pk], actor="tests")
    rerouting.reroute(here, now=timezone.now())
    queued = QueuedMessage.objects.get()

    assert queued.queue.delivery_type == DeliveryType.UNREACHABLE
    assert queued.state == QueuedState.SUSPENDED


def test_mail_that_stays_where_it_is_keeps_its_place_and_retry_count(here):
    connector()
    accept("bob@fabrikam.test")
    QueuedMessage.objects.update(retry_count=3)
    before = QueuedMessage.objects.get()
    connector("Other", spaces="elsewhere.test")
    rerouting.reroute(here, now=timezone.now())
    after = QueuedMessage.objects.get()

    assert (after.pk, after.retry_count) == (before.pk, 3)
    assert after.routed_generation > before.routed_generation


def test_the_mail_of_a_server_that_died_goes_to_another_source_server(here):
    second = server("E15MB2")
    connector(on=("E15MB1", "E15MB2"))
    accept("bob@fabrikam.test", at=second)
    assert Queue.objects.get().server == second
    server("E15MB2", alive=False)
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.server == here


def test_what_a_server_was_sending_when_it_died_goes_to_another_one_too(here):
    connector(on=("E15MB1", "E15MB2"))
    accept("bob@fabrikam.test", at=server("E15MB2"))
    open_for(QueuedMessage.objects.get())
    server("E15MB2", alive=False)
    looks = dispatcher()
    looks.look(now=timezone.now())
    assert QueuedMessage.objects.get().state == QueuedState.ACTIVE
    looks.look(now=timezone.now() + claims.LEASE * 2)
    queued = QueuedMessage.objects.get()

    assert (queued.queue.server, queued.state) == (here, QueuedState.READY)


@pytest.mark.usefixtures("here")
def test_who_was_away_with_all_the_others_takes_nobody_over_before_they_had_time_to_beat():
    """The database was away: every server looks dead, and the first one that is back knows no better."""
    now = timezone.now()
    server(alive=False)
    other = server("E15MB2", alive=False)
    servers.beat(now=now)

    assert servers.take_over(now=now) == []
    assert servers.take_over(now=now + servers.TAKEN_OVER_AFTER) == [other.pk]


def test_a_clock_that_jumps_takes_nothing_from_the_sessions_that_run_here():
    connector()
    accept("bob@fabrikam.test")
    opened = open_for(QueuedMessage.objects.get())
    looks = dispatcher(open_sessions={opened.session_id})
    looks.look(now=timezone.now())
    looks.look(now=timezone.now() + timedelta(hours=8))

    assert QueuedMessage.objects.get().session_id == opened.session_id


def test_the_mail_of_a_dead_server_waits_when_no_other_source_server_is_there(here):
    second = server("E15MB2")
    connector(on=("E15MB2",))
    accept("bob@fabrikam.test", at=second)
    server("E15MB2", alive=False)
    assert rerouting.reroute(here, now=timezone.now()) == 1

    assert QueuedMessage.objects.get().queue.server == second
    assert rerouting.reroute(here, now=timezone.now()) == 0


@pytest.mark.usefixtures("here")
def test_a_server_that_beats_is_alive_and_one_that_stopped_is_not():
    now = timezone.now()
    beating = servers.beat(now=now)

    assert servers.is_alive(beating, now=now + timedelta(seconds=20))
    assert not servers.is_alive(beating, now=now + timedelta(seconds=31))


def test_a_renamed_connector_gives_its_queues_its_new_name(here):
    made = connector("Old")
    accept("bob@fabrikam.test")
    accept("eva@adatum.test")
    QueuedMessage.objects.filter(queue__next_hop_domain="adatum.test").delete()
    renamed = replace(services.spec_of(made), name="New")
    services.change(made.pk, renamed, actor="tests", expected_version=None)
    rerouting.reroute(here, now=timezone.now())

    assert set(Queue.objects.values_list("connector_name", flat=True)) == {"New"}


def test_a_clock_that_is_set_back_makes_nothing_wait_for_hours(here):
    connector()
    for domain in ("ready.test", "retry.test", "queue.test"):
        accept(f"bob@{domain}")
    QueuedMessage.objects.filter(queue__next_hop_domain="retry.test").update(state=QueuedState.RETRY)
    Queue.objects.filter(next_hop_domain="queue.test").update(next_retry_at=timezone.now())
    earlier = timezone.now() - timedelta(hours=2)
    assert not demand.demands(here.pk, limits=LIMITS, now=earlier)
    waits.shorten(here, now=earlier)

    assert len(demand.demands(here.pk, limits=LIMITS, now=earlier)) == 3


def test_usual_waits_are_not_shortened(here):
    connector()
    accept("bob@fabrikam.test")
    open_for(QueuedMessage.objects.get())
    now = timezone.now()
    accept("eva@fabrikam.test")
    waiting = QueuedMessage.objects.exclude(state=QueuedState.ACTIVE)
    waiting.update(state=QueuedState.RETRY, next_attempt_at=now + timedelta(minutes=5))
    Queue.objects.update(next_retry_at=now + timedelta(minutes=10))

    assert waits.shorten(here, now=now) == 0
