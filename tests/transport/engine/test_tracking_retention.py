"""The message tracking log stays within the age and the size that the settings of its server allow."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support import tracked_mail
from tests.support.engine import server
from transport import intervals, tracking
from transport.models import TrackingEvent, TransportServer
from transport.server_settings import set_limits
from transport.tracking import retention

pytestmark = [pytest.mark.django_db, pytest.mark.state]
DAY, MB = timedelta(days=1), 2**20


def purge(at, **settings):
    """A round of a server with these settings; returns the messages that are still told of."""
    set_limits(at, settings, actor="tests")
    intervals.forget()
    tracking.Retention().purge(at, now=timezone.now())
    return sorted(TrackingEvent.objects.values_list("message_id", flat=True))


def test_lines_older_than_the_age_go():
    here = server()
    now = timezone.now()
    tracked_mail.received(1, at=now - 31 * DAY)
    tracked_mail.received(2, at=now - 29 * DAY)

    assert purge(here) == [2]
    assert purge(here, message_tracking_log_max_age=10 * DAY) == []


def test_without_an_age_nothing_goes_however_old():
    here = server()
    tracked_mail.received(1, at=timezone.now() - 4000 * DAY)

    assert purge(here, message_tracking_log_max_age=timedelta(0)) == [1]


def test_the_oldest_lines_go_while_there_are_too_many():
    here = server()
    now = timezone.now()
    for number in range(1, 41):
        tracked_mail.received(number, at=now - DAY + timedelta(minutes=number), recipients="x" * 100_000)
    kept = purge(here, message_tracking_log_max_directory_bytes=2 * MB)

    assert kept[-1] == 40
    assert 15 <= len(kept) <= 25
    assert kept == list(range(41 - len(kept), 41))


def test_unlimited_keeps_all():
    here = server()
    for number in range(1, 31):
        tracked_mail.received(number, recipients="x" * 100_000)

    assert len(purge(here, message_tracking_log_max_directory_bytes=None)) == 30


def test_each_server_obeys_its_own_settings_and_the_lines_of_one_that_is_gone_are_looked_after():
    here = server()
    old = timezone.now() - 31 * DAY
    tracked_mail.received(1, at=old, on="E15MB2")
    tracked_mail.received(2, at=old, on="E15MB3")
    TransportServer.objects.filter(name="E15MB3").update(taken_over=True)

    assert purge(here) == [1]


def test_a_round_takes_many_short_transactions_and_leaves_the_rest_for_the_next(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MOST_PER_ROUND", 5)
    here = server()
    for number in range(1, 12):
        tracked_mail.received(number, at=timezone.now() - 31 * DAY)
    rounds = tracking.Retention()
    counts = [rounds.purge(here, now=timezone.now()) for _ in range(3)]

    assert counts == [6, 5, 0]
