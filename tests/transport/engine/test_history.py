"""Mail per minute: what the charts are drawn from is right, whoever writes and whatever restarts."""

import importlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import transaction
from django.utils import timezone

from tests.support import queued_mail
from tests.support.engine import (
    DELIVERED,
    LIMITS,
    UNKNOWN_USER,
    WORKER,
    accept,
    connector,
    open_for,
    outcome,
    server,
)
from transport import history, operations, rerouting
from transport.dispatcher import Dispatcher
from transport.models import MailMinute, Queue, QueuedMessage, TransportServer
from transport.queue import poison, records
from transport.rates import Sampler

pytestmark = [pytest.mark.django_db, pytest.mark.state]
NINE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def here():
    return server()


def look(at, *, now=NINE, sampler=None):
    with transaction.atomic():
        (sampler or Sampler()).sample(at, now=now)


def counts():
    """In and out of every minute that is written down."""
    return list(MailMinute.objects.order_by("minute").values_list("incoming", "outgoing"))


def settle(reply):
    """Send the first message that waits; the host says this."""
    opened = open_for(QueuedMessage.objects.order_by("pk").first())
    with transaction.atomic():
        records.record([outcome(opened, reply)], now=timezone.now())


def test_what_came_and_what_was_sent_is_counted_in_its_minute(here):
    connector()
    for _ in range(3):
        accept("bob@fabrikam.test")
    settle(DELIVERED)
    look(here, now=NINE + timedelta(seconds=59))
    accept("bob@fabrikam.test")
    look(here, now=NINE + timedelta(seconds=61))

    assert counts() == [(3, 1), (1, 0)]
    assert MailMinute.objects.order_by("minute").values_list("minute", flat=True)[1] == NINE + MINUTE


def test_two_processes_that_look_one_after_the_other_count_once(here):
    connector()
    accept("bob@fabrikam.test")
    for _ in range(3):
        look(here)
    accept("bob@fabrikam.test")
    look(here, now=NINE + timedelta(seconds=5))

    assert counts() == [(2, 0)]


def test_a_look_that_fails_leaves_everything_to_the_next(here):
    connector()
    accept("bob@fabrikam.test")
    with transaction.atomic():
        Sampler().sample(here, now=NINE)
        transaction.set_rollback(True)
    assert counts() == []
    look(here, now=NINE + MINUTE)

    assert counts() == [(1, 0)]


def test_mail_that_is_placed_anew_is_no_new_mail_and_was_not_sent(here):
    accept("bob@fabrikam.test")
    look(here)
    connector()
    rerouting.reroute(here, now=timezone.now())
    moved = Queue.objects.get(connector_name="Internet")
    look(here, now=NINE + MINUTE)

    assert (moved.entered, moved.message_count) == (1, 1)
    assert counts() == [(1, 0), (0, 0)]


def test_mail_that_is_refused_for_good_removed_or_laid_aside_was_not_sent(here):
    connector()
    for number in range(3):
        accept(f"user{number}@fabrikam.test", mail_from="")
    settle(UNKNOWN_USER)
    first, second = QueuedMessage.objects.order_by("pk")
    operations.remove_messages(QueuedMessage.objects.filter(pk=first.pk), with_ndr=False, actor="tests")
    QueuedMessage.objects.filter(pk=second.pk).update(crash_count=5)
    with transaction.atomic():
        poison.blame([second.pk], now=timezone.now())
    assert Queue.objects.filter(next_hop_domain="Poison Message", message_count=1).exists()
    look(here)

    assert counts() == [(3, 0)]


def test_a_minute_without_mail_is_written_too_and_each_server_has_its_own(here):
    look(here)
    look(server("E15MB2"))
    queued_mail.queue("a.test", at="E15MB2", entered=4, departed=1)
    look(server("E15MB2"), now=NINE + timedelta(seconds=30))

    assert sorted(counts()) == [(0, 0), (4, 1)]
    assert history.minutes(start=NINE, end=NINE + MINUTE) == [history.Minute(NINE, 4, 1)]


def test_the_clock_of_a_server_writes_and_after_eight_days_forgets(here):
    gone = server("E15MB2")
    TransportServer.objects.filter(pk=gone.pk).update(taken_over=True)
    now = timezone.now()
    old = now - timedelta(days=8, minutes=1)
    for at in (here, gone):
        MailMinute.objects.create(server=at, minute=old, incoming=1)
    MailMinute.objects.create(server=here, minute=now - timedelta(days=7), incoming=7)
    connector()
    accept("bob@fabrikam.test")
    clock = Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=lambda _queue_id, _sessions: None,
        open_sessions=set(),
        stopping=threading.Event(),
    )
    clock.look(now=now)

    assert counts() == [(7, 0), (1, 0)]


def test_what_an_earlier_version_counted_belongs_to_no_minute(here):
    queue = queued_mail.queue("a.test", entered=1_000_000, departed=900_000)
    importlib.import_module("transport.migrations.0024_mail_per_minute").begin(apps, None)
    Queue.objects.filter(pk=queue.pk).update(entered=1_000_002)
    look(here)

    assert counts() == [(2, 0)]
