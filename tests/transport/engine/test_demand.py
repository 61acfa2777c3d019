"""How many sessions the clock asks for, queue by queue."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import LIMITS, REFUSED, accept, connector, open_for, server
from transport.models import Queue, QueuedMessage, Session
from transport.queue import demand

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def here():
    made = server()
    connector()
    return made


def wanted(here, *, later: timedelta = timedelta(0)):
    found = demand.demands(here.pk, limits=LIMITS, now=timezone.now() + later)
    names = dict(Queue.objects.values_list("pk", "next_hop_domain"))
    return [(names[one.queue_id], one.sessions) for one in found if one.sessions]


def waiting_for(domain: str) -> QueuedMessage:
    return QueuedMessage.objects.filter(queue__next_hop_domain=domain).order_by("pk")[0]


def test_queues_without_a_session_come_first(here):
    for number in range(50):
        accept(f"user{number}@busy.test")
    open_for(waiting_for("busy.test"))
    Session.objects.update(connected=True)
    accept("bob@new.test")

    assert wanted(here) == [("new.test", 1), ("busy.test", 2)]


def test_a_queue_with_as_many_sessions_as_it_deserves_wants_none(here):
    accept("bob@fabrikam.test")
    open_for(waiting_for("fabrikam.test"))
    accept("eva@fabrikam.test")

    assert wanted(here) == []


def test_mail_that_waits_behind_a_slow_host_gets_one_more_session_at_each_look(here):
    accept("bob@fabrikam.test")
    open_for(waiting_for("fabrikam.test"))
    Session.objects.update(connected=True)
    accept("eva@fabrikam.test")

    assert wanted(here, later=2 * demand.PATIENCE) == [("fabrikam.test", 1)]


def test_a_next_hop_gets_one_session_until_it_is_known_that_it_can_be_reached(here):
    for number in range(200):
        accept(f"user{number}@fabrikam.test")
    assert wanted(here) == [("fabrikam.test", 1)]
    open_for(waiting_for("fabrikam.test"))
    assert wanted(here, later=2 * demand.PATIENCE) == []
    Session.objects.update(connected=True)

    assert wanted(here) == [("fabrikam.test", 9)]


def test_one_look_asks_for_so_many_sessions_and_the_next_for_others(here, monkeypatch):
    monkeypatch.setattr(demand, "MOST_PER_LOOK", 2)
    accept(*(f"bob@{name}.test" for name in "abc"))
    first = wanted(here)
    rung = {Queue.objects.get(next_hop_domain=name).pk: 1 for name, _ in first}
    found = demand.demands(here.pk, limits=LIMITS, now=timezone.now(), rung=rung)

    assert first == [("a.test", 1), ("b.test", 1)]
    assert [one.sessions for one in found] == [1, 1, 0]
    assert Queue.objects.get(pk=found[0].queue_id).next_hop_domain == "c.test"


def test_a_queue_that_failed_is_probed_by_one_session_however_long_it_waits(here):
    for number in range(50):
        accept(f"user{number}@fabrikam.test")
    Queue.objects.update(retry_count=3, last_error=REFUSED.line)

    assert wanted(here, later=timedelta(hours=1)) == [("fabrikam.test", 1)]


@pytest.mark.parametrize(
    "held",
    [{"suspended": True}, {"removal": "remove"}, {"next_retry_at": timezone.now() + timedelta(hours=1)}],
)
def test_a_queue_that_may_not_be_tried_wants_nothing(here, held):
    accept("bob@fabrikam.test")
    Queue.objects.update(**held)

    assert wanted(here, later=timedelta(minutes=1)) == []
