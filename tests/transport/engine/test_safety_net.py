"""What is kept of ended messages, for how long, and how much of it."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from tests.support.engine import PLAIN, accept, connector, expired, server
from tests.transport.engine.test_intervals import changed, clock
from transport import operations
from transport.models import Attempt, Content, Message, Queue, QueuedMessage, Recipient
from transport.queue import safety_net
from transport.queue.safety_net import SafetyNet
from transport.states import RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MB = 2**20


@pytest.fixture
def here():
    made = server()
    connector()
    return made


def delivered(*, count: int = 1, content: bytes = PLAIN, at=None) -> list[int]:
    """Messages that ended at this time, now by default."""
    now = at or timezone.now()
    ids = [accept("bob@fabrikam.test", content=content, now=now) for _ in range(count)]
    QueuedMessage.objects.filter(message__in=ids).delete()
    Queue.objects.update(message_count=F("message_count") - count)
    Recipient.objects.filter(message__in=ids).update(
        state=RecipientState.DELIVERED, ended_at=now, queued_message_id=None
    )
    return ids


def purge(here, *, now) -> int:
    """All that a process that has just started deletes."""
    net, gone = SafetyNet(), 0
    while more := net.purge(here, now=now):
        gone += more
    return gone


def kept() -> list[int]:
    return list(Content.objects.order_by("message").values_list("message", flat=True))


def test_content_is_kept_for_two_days_after_the_delivery(here):
    ids = delivered()
    now = timezone.now()
    purge(here, now=now + 2 * DAY - HOUR)
    assert kept() == ids
    purge(here, now=now + 2 * DAY + HOUR)

    assert kept() == []


def test_the_hold_time_is_that_of_the_server(here):
    delivered()
    changed(here, safety_net_hold_time=HOUR)
    purge(here, now=timezone.now() + 2 * HOUR)

    assert kept() == []
    assert Message.objects.exists()


def test_without_a_hold_time_content_goes_at_once(here):
    delivered()
    changed(here, safety_net_hold_time=timedelta(0))
    purge(here, now=timezone.now() + timedelta(seconds=1))

    assert kept() == []


def test_what_still_waits_keeps_its_content_however_old_it_is(here):
    waiting = accept("eva@adatum.test", now=timezone.now() - 10 * DAY)
    delivered(at=timezone.now() - 9 * DAY)
    purge(here, now=timezone.now())

    assert kept() == [waiting]
    assert list(Message.objects.values_list("pk", flat=True)) == [waiting]


def test_a_message_of_which_one_recipient_waits_is_kept_whole(here):
    (message_id,) = delivered(at=timezone.now() - 3 * DAY)
    waiting = QueuedMessage.objects.get(message=accept("eva@adatum.test"))
    QueuedMessage.objects.filter(pk=waiting.pk).update(message=message_id)
    purge(here, now=timezone.now())

    assert message_id in kept()


def test_more_than_the_server_may_keep_goes_the_oldest_first(here):
    large = PLAIN + b"x" * MB
    ids = delivered(count=5, content=large)
    changed(here, safety_net_max_bytes=2 * MB + 2048)
    purge(here, now=timezone.now())

    assert sorted(set(kept())) == ids[3:]


def test_mail_that_waits_does_not_count_against_the_safety_net(here):
    large = PLAIN + b"x" * MB
    ids = delivered(count=2, content=large)
    waiting = [accept("eva@adatum.test", content=large) for _ in range(4)]
    changed(here, safety_net_max_bytes=3 * MB)
    purge(here, now=timezone.now())

    assert sorted(set(kept())) == [*ids, *waiting]


def test_ended_messages_and_their_attempts_are_forgotten_after_two_days(here):
    (message_id,) = delivered()
    Attempt.objects.create(
        message_id=message_id, queue_id=1, at=timezone.now(), outcome="delivered", stage="DOT", code=250
    )
    now = timezone.now()
    purge(here, now=now + 2 * DAY - HOUR)
    assert Attempt.objects.exists()
    purge(here, now=now + 2 * DAY + HOUR)

    assert not any(model.objects.exists() for model in (Message, Recipient, Attempt, Content))


def test_a_longer_hold_time_keeps_the_rows_as_long(here):
    delivered(at=timezone.now() - 3 * DAY)
    changed(here, safety_net_hold_time=5 * DAY)
    purge(here, now=timezone.now())

    assert Message.objects.exists()
    assert kept()


def test_a_message_that_expired_can_still_be_looked_up_for_two_days(here):
    message_id = accept("bob@fabrikam.test", now=timezone.now() - 2 * DAY - HOUR)
    expired(here, now=timezone.now())
    purge(here, now=timezone.now() + DAY)
    assert Message.objects.filter(pk=message_id).exists()
    purge(here, now=timezone.now() + 2 * DAY + HOUR)

    assert not Message.objects.filter(pk=message_id).exists()


def test_what_was_removed_by_an_administrator_is_kept_like_the_rest(here):
    accept("bob@fabrikam.test")
    operations.remove_messages(QueuedMessage.objects.all(), with_ndr=False, actor="tests")
    purge(here, now=timezone.now() + DAY)

    assert kept()


def test_a_pass_goes_through_all_in_batches(here, monkeypatch):
    monkeypatch.setattr(safety_net, "BATCH", 3)
    waiting = accept("eva@adatum.test", now=timezone.now() - 9 * DAY)
    delivered(count=10, at=timezone.now() - 3 * DAY)
    fresh = delivered(count=2)
    purge(here, now=timezone.now())

    assert kept() == [waiting, *fresh]
    assert list(Message.objects.order_by("pk").values_list("pk", flat=True)) == [waiting, *fresh]


def test_the_mail_of_another_server_is_left_to_that(here):
    connector("Second", on=("E15MB2",))
    accept("bob@fabrikam.test", at=server("E15MB2"))
    delivered(at=timezone.now() - 3 * DAY)
    Message.objects.update(server=server("E15MB2"))
    purge(here, now=timezone.now())

    assert Message.objects.count() == 2


@pytest.mark.usefixtures("here")
def test_the_clock_purges_by_itself():
    delivered(count=3, at=timezone.now() - 3 * DAY)
    looks = clock()
    looks.look(now=timezone.now())

    assert not Message.objects.exists()


def test_what_is_kept_is_counted_also_where_the_numbers_have_a_gap(here, monkeypatch):
    monkeypatch.setattr(safety_net, "COUNTED_AT_ONCE", 2)
    large = PLAIN + b"x" * MB
    delivered(count=3, content=large)
    last = Message.objects.latest("pk")
    old = last.pk
    last.pk += 10**9
    last.save(force_insert=True)
    for model in (Content, Recipient):
        model.objects.filter(message=old).update(message=last.pk)
    Message.objects.filter(pk=old).delete()
    changed(here, safety_net_max_bytes=MB + 2048)
    net, now = SafetyNet(), timezone.now()
    for _ in range(2):
        net.purge(here, now=now)
        for kept_here in net._kept.values():
            kept_here.contents.rested_at = float("-inf")

    assert set(kept()) == {last.pk}
