"""A queue that gets much mail at once waits no second for further sessions."""

import threading
import time

import pytest

from tests.support.engine import LIMITS, WORKER, accept, connector, open_for, server
from transport.attendance import Attendance
from transport.dispatcher import Dispatcher
from transport.models import QueuedMessage, Session

pytestmark = [pytest.mark.django_db, pytest.mark.state]


def calls_after_a_ring(*, messages: int) -> list[int]:
    """How many sessions are called for, between two looks, for a queue with one busy session."""
    server()
    connector()
    accept("bob@fabrikam.test")
    open_for(QueuedMessage.objects.get())
    Session.objects.update(connected=True)
    queue_id = Session.objects.get().queue_id
    for number in range(messages):
        accept(f"user{number}@fabrikam.test")
    attendance, stopping, calls = Attendance(), threading.Event(), []

    def ring(rung: int, sessions: int) -> None:
        assert rung == queue_id
        calls.append(sessions)
        stopping.set()

    attendance.arrive(queue_id)
    attendance.note_connected(queue_id)
    attendance.answer(queue_id)
    clock = Dispatcher(
        worker=WORKER,
        limits=lambda: LIMITS,
        ring=ring,
        open_sessions=set(),
        stopping=stopping,
        attendance=attendance,
    )
    clock.help_busy_queues(until=time.monotonic() + 0.5)
    return calls


def test_mail_that_comes_to_a_busy_queue_calls_the_sessions_that_it_deserves():
    assert calls_after_a_ring(messages=50) == [2]


def test_one_message_more_calls_nobody():
    assert calls_after_a_ring(messages=1) == []
