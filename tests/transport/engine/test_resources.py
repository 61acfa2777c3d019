"""The resources of a server as its listener looks at them."""

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.support import queued_mail
from tests.support.engine import server
from transport import intervals, resources
from transport.back_pressure import Level, Pressure, Resource
from transport.latency import Latency
from transport.models import ResourcePressure, TransportServer

pytestmark = [pytest.mark.django_db, pytest.mark.state]


class Slow(Latency):
    """Commits that take as long as it is told."""

    seconds = 0.0

    def take(self):
        return resources.timedelta(seconds=self.seconds)


@pytest.fixture
def pressure():
    return Pressure()


@pytest.fixture
def memory():
    """Percent of the listener's memory in use, at [0]."""
    return [0.0]


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def sampler(pressure, memory, slow):
    return resources.Sampler(server(), pressure=pressure, latency=slow, memory_used=lambda: memory[0])


def limit_backlog(most):
    TransportServer.objects.update(max_queued_messages=most)
    intervals.forget()


def level(resource):
    return Level(ResourcePressure.objects.get(resource=resource).level)


def test_a_healthy_server_takes_mail_and_every_resource_is_on_record(sampler, pressure):
    sampler.look(now=timezone.now())

    assert pressure.level is Level.NORMAL
    assert set(ResourcePressure.objects.values_list("resource", flat=True)) == set(Resource)


def test_a_backlog_over_the_limit_refuses_all_until_it_is_worked_off(sampler, pressure):
    waiting = queued_mail.queue(message_count=90)
    limit_backlog(100)
    sampler.look(now=timezone.now())

    assert pressure.level is Level.MEDIUM

    waiting.message_count = 100
    waiting.save()
    sampler.look(now=timezone.now())

    assert pressure.level is Level.HIGH
    assert resources.current_level(server().pk) is Level.HIGH

    waiting.message_count = 79
    waiting.save()
    sampler.look(now=timezone.now())

    assert pressure.level is Level.NORMAL
    assert level(Resource.QUEUES) is Level.NORMAL


def test_the_backlog_of_another_server_is_no_concern_of_ours(sampler, pressure):
    queued_mail.queue(at="E15MB2", message_count=2_000_000)
    sampler.look(now=timezone.now())

    assert pressure.level is Level.NORMAL


def test_no_limit_of_the_backlog_is_none(sampler, pressure):
    queued_mail.queue(message_count=2_000_000)
    limit_backlog(None)
    sampler.look(now=timezone.now())

    assert pressure.level is Level.NORMAL


def test_a_level_is_written_when_it_changes_and_keeps_its_time(sampler, memory, django_assert_num_queries):
    start = timezone.now()
    sampler.look(now=start)
    with django_assert_num_queries(1):
        sampler.look(now=timezone.now())
    assert ResourcePressure.objects.get(resource=Resource.MEMORY).since == start

    memory[0] = 95.0
    later = timezone.now()
    sampler.look(now=later)

    known = ResourcePressure.objects.get(resource=Resource.MEMORY)
    assert (known.level, known.value, known.since) == (Level.MEDIUM, 95.0, later)


def test_slow_commits_press_after_three_looks_and_a_probe_sees_their_end(sampler, pressure, slow):
    slow.seconds = 6.0
    seen = []
    for _ in range(3):
        sampler.look(now=timezone.now())
        seen.append(pressure.level)

    assert seen == [Level.NORMAL, Level.NORMAL, Level.HIGH]

    slow.seconds = 0.0
    for _ in range(3):
        sampler.look(now=timezone.now())

    assert pressure.level is Level.NORMAL


def test_a_rise_and_a_fall_are_logged_with_resource_and_values(sampler, memory, caplog):
    caplog.set_level("INFO", logger="transport.resources")
    memory[0] = 100.0
    sampler.look(now=timezone.now())
    memory[0] = 10.0
    sampler.look(now=timezone.now())

    rise, fall = (one for one in caplog.records if one.resource == Resource.MEMORY)
    assert (rise.message, rise.pressure, rise.value, rise.high) == ("back_pressure_rose", "High", 100.0, 100)
    assert (fall.message, fall.pressure) == ("back_pressure_fell", "Normal")


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_said_once_and_hears_of_a_level_when_it_is_back(
    sampler, memory, pressure, caplog
):
    def away(*_arguments, **_options):
        raise OperationalError("the database is away")

    sampler.look(now=timezone.now())
    memory[0] = 100.0
    rose_at = timezone.now()
    with connection.execute_wrapper(away):
        sampler.look(now=rose_at)
        sampler.look(now=timezone.now())

    assert pressure.level is Level.HIGH
    assert [record.message for record in caplog.records].count("back_pressure_unknown") == 1

    sampler.look(now=timezone.now())

    known = ResourcePressure.objects.get(resource=Resource.MEMORY)
    assert (known.level, known.since) == (Level.HIGH, rose_at)
