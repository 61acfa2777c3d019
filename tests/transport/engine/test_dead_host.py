"""A host that is down is asked by one session now and then, whatever waits for it (RFC 5321 4.5.4.1)."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.support.engine import PLAIN, connector
from tests.support.smtp_peer import BANNER, Peer
from transport import delivery, servers, submission
from transport.engine import Engine
from transport.envelope import Envelope
from transport.models import Queue, QueuedMessage
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
WAITING = 500
INTERVALS = 5


def accept_many(count: int) -> None:
    """As one batch of the listener."""
    now = timezone.now()
    batch = [
        Envelope(
            mail_from="anna@contoso.test",
            recipients=(f"user{number}@fabrikam.test",),
            content=PLAIN,
            received_at=now,
            trusted_sender=True,
        )
        for number in range(count)
    ]
    with transaction.atomic():
        submission.accept(batch, server=servers.own(), now=now)


def sessions_at_once(engine: Engine, *, count: int) -> None:
    """So many rings for one queue, each heard by a session of its own."""
    queue_id, started = Queue.objects.get().pk, threading.Barrier(count)

    def session():
        try:
            started.wait(10)
            delivery.deliver(queue_id, engine=engine)
        finally:
            connection.close()

    threads = [threading.Thread(target=session) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_500_messages_to_a_host_that_refuses_make_one_connection_an_interval(engine):
    with Peer({BANNER: "421 4.3.2 Not now"}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept_many(WAITING)
        sessions_at_once(engine, count=4)
        at_first = len(peer.talks)
        for _ in range(INTERVALS):
            Queue.objects.update(next_retry_at=timezone.now() - timedelta(seconds=1))
            sessions_at_once(engine, count=4)
        dialled = len(peer.talks) - at_first

    assert 1 <= at_first <= 4
    assert dialled == INTERVALS
    assert Queue.objects.get().retry_count == INTERVALS + 1
    assert set(QueuedMessage.objects.values_list("state", flat=True)) == {QueuedState.READY}
