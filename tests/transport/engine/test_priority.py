"""High before Normal before Low, new mail before retries, each with a lifetime of its own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import accept, connector, open_for, server
from tests.transport.engine.test_intervals import changed
from transport import operations
from transport.envelope import Priority
from transport.models import Queue, QueuedMessage
from transport.queue import waits
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def here():
    made = server()
    connector()
    return made


def mail(field: str = "", *, body: bytes = b"Hello.\r\n", **more) -> QueuedMessage:
    """A message with one more header field."""
    head = f"Received: x\r\n{field}\r\n" if field else "Received: x\r\n"
    message_id = accept("bob@fabrikam.test", content=head.encode() + b"Subject: Hello\r\n\r\n" + body, **more)
    return QueuedMessage.objects.select_related("queue", "message").get(message=message_id)


@pytest.mark.usefixtures("here")
def test_urgent_mail_is_claimed_first_then_normal_then_low_then_retries():
    urgent_retry = mail("X-Priority: 1")
    low, normal, high = mail("X-Priority: 5"), mail(), mail("Importance: High")
    urgent_retry.state = QueuedState.RETRY
    urgent_retry.save()
    opened = open_for(normal, most=4)

    assert [claim.queued_id for claim in opened.claims] == [high.pk, normal.pk, low.pk, urgent_retry.pk]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("field", "hours"), [("X-Priority: 1", 8), ("", 48), ("Priority: non-urgent", 48)])
def test_each_priority_expires_in_its_own_time(field, hours):
    queued = mail(field)

    assert queued.expires_at - queued.message.received_at == timedelta(hours=hours)


@pytest.mark.usefixtures("here")
def test_a_large_message_of_high_priority_is_normal():
    assert mail("X-Priority: 1", body=b"x" * 250 * 1024).priority == Priority.NORMAL


def test_where_priority_queuing_is_off_all_new_mail_is_normal(here):
    changed(here, priority_queuing_enabled=False)

    assert mail("X-Priority: 1").priority == Priority.NORMAL


def test_a_changed_lifetime_of_one_priority_is_applied_to_that_priority_only(here):
    high, normal = mail("X-Priority: 1"), mail()
    here = changed(here, high_priority_message_expiration_timeout=timedelta(days=1))
    waits.apply_lifetimes(here, now=timezone.now() + waits.SETTLED_AFTER)
    after = {row.pk: row.expires_at - row.message.received_at for row in QueuedMessage.objects.all()}

    assert after == {high.pk: timedelta(days=1), normal.pk: timedelta(days=2)}


@pytest.mark.usefixtures("here")
def test_an_administrator_changes_the_order_and_not_the_expiry():
    first, second = mail(), mail()
    before = second.expires_at
    assert operations.set_priority(QueuedMessage.objects.all(), priority=Priority.NORMAL, actor="tests") == 0
    chosen = QueuedMessage.objects.filter(pk=second.pk)
    assert operations.set_priority(chosen, priority=Priority.HIGH, actor="tests") == 1
    opened = open_for(first)

    assert [claim.queued_id for claim in opened.claims] == [second.pk, first.pk]
    assert QueuedMessage.objects.get(pk=second.pk).expires_at == before


@pytest.mark.usefixtures("here")
def test_the_next_try_of_a_queue_is_the_first_of_all_priorities():
    now = timezone.now().replace(microsecond=0)
    for field, minutes in (("X-Priority: 1", 4), ("", 3), ("X-Priority: 5", 2)):
        queued = mail(field)
        queued.state, queued.next_attempt_at = QueuedState.RETRY, now + timedelta(minutes=minutes)
        queued.save()

    assert Queue.objects.with_status().get().next_try_at == now + timedelta(minutes=2)
    QueuedMessage.objects.all().delete()
    assert Queue.objects.with_status().get().next_try_at is None
