"""The clock runs inside the workers: it finds mail without a ring, and two clocks at once double nothing."""

import threading
from collections import Counter
from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone

from tests.support.engine import LIMITS, WORKER, accept, connector
from tests.support.smtp_peer import Peer
from transport import delivery
from transport.dispatcher import Dispatcher
from transport.models import QueuedMessage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MESSAGES = 30
ROUNDS = 3


def run_at_once(work) -> None:
    """Do something in two threads at the same moment."""
    started = threading.Barrier(2)

    def run(number):
        try:
            started.wait(10)
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_two_clocks_find_mail_that_nobody_rang_for_and_each_message_goes_once(engine):
    def clock(number):
        Dispatcher(
            worker=replace(WORKER, name=f"worker-{number}"),
            limits=lambda: LIMITS,
            ring=lambda queue_id, _sessions: delivery.deliver(queue_id, engine=engine),
            open_sessions=engine.open_sessions,
            stopping=threading.Event(),
        ).look(now=timezone.now())

    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(MESSAGES):
            accept(f"user{number}@fabrikam.test")
        for _ in range(ROUNDS):
            run_at_once(clock)
        sent = Counter(line for talk in peer.talks for line in talk.commands if line.startswith("RCPT"))

    assert not QueuedMessage.objects.exists()
    assert len(sent) == MESSAGES
    assert set(sent.values()) == {1}
