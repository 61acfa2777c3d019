"""Celery hands a task over late, twice, or three times at once: each message goes once."""

import threading
from collections import Counter

import pytest
from django.db import connection

from tests.support.engine import accept, connector
from tests.support.smtp_peer import Peer
from transport import tasks
from transport.models import Queue, QueuedMessage, Recipient
from transport.states import RecipientState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MESSAGES = 24


@pytest.fixture
def worker(engine, monkeypatch):
    """The tasks of this process work with the engine of the test."""
    monkeypatch.setattr(tasks, "_engines", [engine])


@pytest.mark.usefixtures("worker")
def test_a_task_that_runs_three_times_at_once_and_once_more_later_sends_each_message_once():
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(MESSAGES):
            accept(f"user{number}@fabrikam.test")
        queue_id, started = Queue.objects.get().pk, threading.Barrier(3)

        def run():
            try:
                started.wait(10)
                tasks.deliver(queue_id)
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        tasks.deliver(queue_id)
        sent = Counter(line for talk in peer.talks for line in talk.commands if line.startswith("RCPT"))

    assert not QueuedMessage.objects.exists()
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.DELIVERED}
    assert len(sent) == MESSAGES
    assert set(sent.values()) == {1}


@pytest.mark.usefixtures("worker")
def test_a_task_for_a_queue_that_is_gone_does_nothing():
    tasks.deliver(4711)
    tasks.answer([4711, 4712])
