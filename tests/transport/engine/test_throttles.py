"""Limits of a connector, obeyed by real sessions, and what a queue says of them."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connectors import services
from tests.support.engine import (
    DELIVERED,
    LIMITS,
    REFUSED,
    WORKER,
    accept,
    connector,
    open_for,
    outcome,
    server,
)
from tests.support.nameserver import Nameserver
from tests.support.ports import free_port
from tests.support.smtp_peer import DOT, Peer
from transport import delivery, outcomes, servers, wishes
from transport.allowance import hour_of
from transport.attendance import Attendance
from transport.dispatcher import Dispatcher
from transport.envelope import Priority
from transport.models import Queue, QueuedMessage, SentInHour, Session, TransportServer
from transport.queue import allowances, claims, demand, sweeps
from transport.states import QueuedState
from transport.throttles import Throttles

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


class Arrivals:
    """A peer's final dots, by the clock."""

    def __init__(self):
        self.at = []

    def __call__(self, talk):
        self.at.append(time.monotonic())
        talk.say(b"250 2.0.0 queued\r\n")


def deliver_beside(engine, queues):
    """A session for each of these queues, at the same time."""

    def one(queue):
        try:
            delivery.deliver(queue.pk, engine=engine)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(queue,)) for queue in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def dispatcher(engine=None, *, rung=None, throttles=None):
    return Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=lambda queue_id, sessions: rung.append((queue_id, sessions)) if rung is not None else None,
        open_sessions=set(),
        stopping=threading.Event(),
        throttles=engine.throttles if engine else throttles,
    )


def held_back_by(next_hop="fabrikam.test"):
    return Queue.objects.get(next_hop_domain__contains=next_hop).throttled_by


# Messages per second


def test_sessions_of_several_queues_together_keep_the_rate_of_their_connector(engine):
    arrivals = Arrivals()
    zone = "a MX 10 mx\nb MX 10 mx2\nc MX 10 mx3\nmx A 127.0.0.1\nmx2 A 127.0.0.1\nmx3 A 127.0.0.1"
    with Peer({DOT: arrivals}) as peer, Nameserver({"test": zone}) as nameserver:
        TransportServer.objects.update(internal_dns_servers=[nameserver.address])
        servers.forget()
        connector(port=peer.port, messages_per_second=Decimal(20))
        for number in range(30):
            accept(f"user{number}@{'abc'[number % 3]}.test")
        deliver_beside(engine, Queue.objects.all())

    assert len(arrivals.at) == 30
    # Evenly spaced: thirty take 29 intervals, and a busy machine only makes that longer.
    assert arrivals.at[-1] - arrivals.at[0] > 1.3
    assert max(sum(at <= other < at + 1 for other in arrivals.at) for at in arrivals.at) <= 25


def test_a_turn_that_is_long_in_coming_closes_the_connection_and_gives_the_mail_back(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_second=Decimal("0.1"))
        for number in range(3):
            accept(f"user{number}@fabrikam.test")
        settled = delivery.deliver(Queue.objects.get().pk, engine=engine)

        assert (settled, len(peer.contents), peer.talk.commands[-1]) == (1, 1, "QUIT")
    assert set(QueuedMessage.objects.values_list("state", "retry_count")) == {(QueuedState.READY, 0)}
    assert Queue.objects.get().retry_count == 0
    assert not Session.objects.exists()


def test_no_session_begins_before_it_could_send(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_second=Decimal("0.1"))
        for number in range(3):
            accept(f"user{number}@fabrikam.test")
        queue = Queue.objects.get()

        assert [delivery.deliver(queue.pk, engine=engine) for _ in range(3)] == [1, 0, 0]
        assert len(peer.talks) == 1


def test_the_rate_is_shared_by_the_source_servers_that_send_now(engine):
    server("E15MB2")
    server("E15MB3", alive=False)
    made = connector(on=("E15MB1", "E15MB2", "E15MB3"), messages_per_second=Decimal(10))
    outcomes.learn_limits(engine.throttles)

    assert engine.throttles.connector(made.pk).per_second == 5.0


# Messages per day


def test_no_more_messages_than_the_day_allows_and_a_restart_begins_no_new_one(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_day=5)
        for number in range(8):
            accept(f"user{number}@fabrikam.test")
        queue = Queue.objects.get()
        first = delivery.deliver(queue.pk, engine=engine)
        restarted = replace(engine, throttles=Throttles(), attendance=Attendance())
        second = delivery.deliver(queue.pk, engine=restarted)

        assert (first, second, len(peer.contents)) == (5, 0, 5)
        SentInHour.objects.update(hour=timezone.now() - timedelta(hours=26))
        assert delivery.deliver(queue.pk, engine=restarted) == 3


def test_a_message_that_no_host_took_does_not_count(engine):
    with Peer({"MAIL": "451 4.7.1 greylisted"}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_day=5)
        accept("bob@fabrikam.test")
        delivery.deliver(Queue.objects.get().pk, engine=engine)

    assert sum(SentInHour.objects.values_list("messages", flat=True)) == 0


def test_what_sessions_hold_is_not_promised_to_others():
    server()
    connector(messages_per_day=5)
    for number in range(8):
        accept(f"user{number}@fabrikam.test")
    throttles = Throttles()
    outcomes.learn_limits(throttles)
    queue = Queue.objects.get()
    with transaction.atomic():
        opened = [
            claims.open_session(
                queue.pk, worker=WORKER, limits=LIMITS, now=timezone.now(), throttles=throttles
            )
            for _ in range(4)
        ]

    assert [one and len(one.claims) for one in opened] == [2, 2, 1, None]


def test_hours_that_count_for_nothing_any_more_are_forgotten():
    here = server()
    now = timezone.now()
    allowances.lock([7], now=now - timedelta(days=3))
    allowances.lock([7, 8], now=now)

    assert allowances.purge(here, now=now) == 1
    assert set(SentInHour.objects.values_list("connector_id", flat=True)) == {7, 8}


# Connections


def test_a_connector_says_how_many_connections_a_next_hop_gets():
    server()
    connector(max_connections=2)
    for number in range(200):
        accept(f"user{number}@fabrikam.test")
    throttles = Throttles()
    outcomes.learn_limits(throttles)
    queued = QueuedMessage.objects.first()
    with transaction.atomic():
        opened = [
            claims.open_session(
                queued.queue_id, worker=WORKER, limits=LIMITS, now=timezone.now(), throttles=throttles
            )
            for _ in range(3)
        ]
    Session.objects.update(connected=True)
    dispatcher(throttles=throttles).look(now=timezone.now())

    assert [one is not None for one in opened] == [True, True, False]
    assert held_back_by() == "2 connections of send connector Internet"


def test_domains_that_turn_out_to_have_the_same_hosts_share_the_connections(engine):
    zone = "a MX 10 mx\nb MX 10 mx\nmx A 127.0.0.1"
    with Peer() as peer, Nameserver({"test": zone}) as nameserver:
        TransportServer.objects.update(internal_dns_servers=[nameserver.address])
        servers.forget()
        connector(port=peer.port, max_connections=1)
        accept("anna@a.test")
        accept("bob@b.test")
        first, second = Queue.objects.order_by("pk")
        delivery.deliver(first.pk, engine=engine)
        engine.attendance.arrive(first.pk)
        settled = delivery.deliver(second.pk, engine=engine)

        assert (settled, len(peer.talks)) == (0, 1)
        waiting = QueuedMessage.objects.select_related("queue").get()
        assert (waiting.state, waiting.queue.retry_count) == (QueuedState.READY, 0)
        engine.attendance.leave(first.pk)
        assert delivery.deliver(second.pk, engine=engine) == 1


def test_the_ledger_opens_no_session_to_hosts_whose_connections_others_use():
    server()
    connector(max_connections=1)
    accept("anna@a.test", "bob@b.test")
    throttles = Throttles()
    outcomes.learn_limits(throttles)
    first, second = Queue.objects.order_by("pk")
    for queue in (first, second):
        throttles.hosts.learn(queue.pk, ["mx.provider.test:25"])
    with transaction.atomic():
        opened = [
            claims.open_session(
                queue.pk, worker=WORKER, limits=LIMITS, now=timezone.now(), throttles=throttles
            )
            for queue in (first, second)
        ]
    dispatcher(throttles=throttles).look(now=timezone.now())

    assert [one is not None for one in opened] == [True, False]
    assert held_back_by("b.test") == (
        "1 connection of send connector Internet, to hosts that 1 other queue leads to"
    )
    assert throttles.successor(first.pk, connector_id=first.connector_id) == second.pk


def test_a_session_ends_after_what_it_holds_when_another_queue_wants_its_place(engine):
    rung = []
    engine = replace(engine, ring=lambda queue_id, sessions: rung.append((queue_id, sessions)))
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(12):
            accept(f"user{number}@fabrikam.test")
        connector("Other", spaces="contoso.test")
        accept("anna@contoso.test")
        other = Queue.objects.get(next_hop_domain="contoso.test")
        busy = Queue.objects.exclude(pk=other.pk).get()
        server_is_full = replace(LIMITS, connections=0)
        with transaction.atomic():
            assert not claims.open_session(
                other.pk,
                worker=WORKER,
                limits=server_is_full,
                now=timezone.now(),
                throttles=engine.throttles,
            )
        settled = delivery.deliver(busy.pk, engine=engine)

        assert (settled, len(peer.contents)) == (LIMITS.claim, LIMITS.claim)
    assert (other.pk, 1) in rung
    assert not Session.objects.exists()


# What a queue says


def test_what_holds_a_queue_back_appears_and_goes():
    here = server()
    made = connector(messages_per_day=5)
    for number in range(8):
        accept(f"user{number}@fabrikam.test")
    clock = dispatcher(rung=(rung := []), throttles=Throttles())
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    SentInHour.objects.create(connector_id=made.pk, hour=hour - timedelta(hours=3), messages=5)
    clock.look(now=timezone.now())

    assert held_back_by() == (
        f"5 messages per day of send connector Internet, goes on at {hour + timedelta(hours=22):%H:%M} UTC"
    )
    assert rung == []
    SentInHour.objects.all().delete()
    clock.look(now=timezone.now())
    assert held_back_by() == ""
    assert rung == [(Queue.objects.get().pk, 1)]
    assert here.name == "E15MB1"


def test_a_queue_that_may_not_try_is_held_back_by_no_limit_any_more():
    server()
    connector()
    accept("bob@fabrikam.test")
    Queue.objects.update(throttled_by="20 connections", suspended=True)
    dispatcher(throttles=Throttles()).look(now=timezone.now())

    assert held_back_by() == ""


def test_what_holds_a_queue_back_is_written_only_when_it_changes():
    here = server()
    made = connector(messages_per_day=1)
    accept("bob@fabrikam.test")
    SentInHour.objects.create(connector_id=made.pk, hour=hour_of(timezone.now()), messages=1)
    dispatcher(throttles=(throttles := Throttles())).look(now=timezone.now())
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        found = demand.demands(here.pk, limits=LIMITS, now=timezone.now(), throttles=throttles)
        assert demand.write_holds(here.pk, found) == 0

    assert [one.held_back_by for one in found] == [held_back_by()] != [""]
    assert not [statement for statement in statements if statement.startswith("UPDATE")]


# Whose turn it is


def test_among_queues_without_a_session_the_one_is_rung_for_first_that_waited_longest():
    server()
    connector(messages_per_second=Decimal("0.5"))
    for domain in ("a", "b", "c"):
        accept(f"bob@{domain}.test")
    clock = dispatcher(rung=(rung := []), throttles=Throttles())
    for _ in range(4):
        clock.look(now=timezone.now())
    a, b, c = Queue.objects.order_by("pk").values_list("pk", flat=True)

    assert [queue_id for queue_id, _ in rung] == [a, b, c, a]


def claimed(queue, *, most):
    now = timezone.now()
    limits = replace(LIMITS, claim=most)
    with transaction.atomic():
        opened = claims.open_session(queue.pk, worker=WORKER, limits=limits, now=now)
        claims.close_session(opened.session_id)
    return [claim.message_id for claim in opened.claims]


@pytest.fixture
def returned():
    """A queue whose next hop failed, while more mail came, and works again; and its messages so far."""
    server()
    connector()
    gathered = [accept("bob@fabrikam.test")]
    queued = QueuedMessage.objects.select_related("queue").get()
    opened = open_for(queued)
    gathered.append(accept("eva@fabrikam.test"))
    with transaction.atomic():
        outcomes.settle(
            [
                wishes.Close(
                    session_id=opened.session_id,
                    queue_id=queued.queue_id,
                    opened_at=opened.opened_at,
                    failure=REFUSED,
                )
            ]
        )
    gathered.append(accept("leo@fabrikam.test"))
    opened = open_for(queued, now=timezone.now() + timedelta(minutes=2))
    with transaction.atomic():
        outcomes.settle([wishes.Settle(outcome=outcome(opened, DELIVERED))])
        claims.close_session(opened.session_id)
    return queued.queue, gathered[1:]


def test_new_mail_does_not_wait_behind_what_gathered_while_its_next_hop_was_gone(returned):
    queue, gathered = returned
    fresh = [accept("mia@fabrikam.test"), accept("ida@fabrikam.test")]

    assert claimed(queue, most=3) == [*fresh, gathered[0]]
    assert claimed(queue, most=4) == [*fresh, *gathered]


def test_beside_a_backlog_high_still_goes_before_normal_before_low(returned):
    queue, gathered = returned
    low, fresh, high, retried = (accept("mia@fabrikam.test") for _ in range(4))
    QueuedMessage.objects.filter(message=low).update(priority=Priority.LOW)
    QueuedMessage.objects.filter(message__in=(high, retried)).update(priority=Priority.HIGH)
    QueuedMessage.objects.filter(message=retried).update(state=QueuedState.RETRY)

    assert claimed(queue, most=9) == [high, fresh, *gathered, low, retried]


def test_a_backlog_that_is_worked_off_is_forgotten(returned):
    queue, gathered = returned
    here = TransportServer.objects.get()
    accept("mia@fabrikam.test")
    assert sweeps.forget_worked_off_backlogs(here, now=timezone.now()) == 0
    QueuedMessage.objects.filter(message__in=gathered).update(state=QueuedState.SUSPENDED)

    assert sweeps.forget_worked_off_backlogs(here, now=timezone.now()) == 1
    assert Queue.objects.get(pk=queue.pk).backlog_until is None


def test_a_changed_limit_is_obeyed_by_the_next_session(engine):
    with Peer() as peer:
        made = connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_day=1)
        for number in range(3):
            accept(f"user{number}@fabrikam.test")
        queue = Queue.objects.get()
        assert delivery.deliver(queue.pk, engine=engine) == 1
        unlimited = replace(services.spec_of(made), messages_per_day=None)
        services.change(made.pk, unlimited, actor="tests", expected_version=made.version)

        assert delivery.deliver(queue.pk, engine=engine) == 2


def test_a_next_hop_is_called_help_for_when_it_was_reached_and_not_before(engine):
    rung = []
    engine = replace(engine, ring=lambda queue_id, sessions: rung.append((queue_id, sessions)))
    gone = connector(smart_hosts=("127.0.0.1",), port=free_port())
    for number in range(50):
        accept(f"user{number}@fabrikam.test")
    queue = Queue.objects.get()
    delivery.deliver(queue.pk, engine=engine)
    assert rung == []
    Queue.objects.update(retry_count=0, next_retry_at=None)
    with Peer() as peer:
        reachable = replace(services.spec_of(gone), port=peer.port)
        services.change(gone.pk, reachable, actor="tests", expected_version=gone.version)
        delivery.deliver(queue.pk, engine=engine)

    assert rung == [(queue.pk, 1)]
