"""The database is away while mail is on the wire: outcomes wait for it, and the innocent are not blamed."""

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.support import smtp_peer
from tests.support.engine import accept, connector
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until
from transport import delivery, outcomes
from transport.commits import Committer
from transport.models import Attempt, Queue, QueuedMessage, Recipient, Session
from transport.queue import claims, moves
from transport.states import DeliveryType, RecipientState
from transport.wishes import Settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


class Database:
    """The work of the ledger on a database that can go away, or refuse one outcome for good."""

    def __init__(self):
        self.away = threading.Event()
        self.tries = 0
        self.unwritable = 0

    def settle(self, wishes):
        if self.away.is_set():
            self.tries += 1
            raise OperationalError("the database is gone")
        delivered = [wish.outcome for wish in wishes if isinstance(wish, Settle) and wish.outcome.delivered]
        if any(outcome.message_id == self.unwritable for outcome in delivered):
            raise ValueError("no such text can be stored")
        return outcomes.settle(wishes)


@contextmanager
def ledger_of(database, *, patience):
    ledger = Committer(
        database.settle,
        name="ledger",
        gather=timedelta(milliseconds=2),
        patience=patience,
        finish=outcomes.with_content,
    )
    yield ledger
    ledger.stop()


@pytest.fixture
def database():
    return Database()


def deliver(engine):
    return delivery.deliver(Queue.objects.get(delivery_type=DeliveryType.SMART_HOST).pk, engine=engine)


def deliver_apart(engine):
    deliver(engine)
    connection.close()


def let_leases_run_out():
    for session_id in Session.objects.values_list("pk", flat=True):
        claims.close_session(session_id)


def copies(peer):
    """How often the peer got each message, by subject."""
    return Counter(
        content.split(b"Subject: ", 1)[1].split(b"\r\n", 1)[0].decode() for content in peer.contents
    )


def message(name):
    return accept(f"{name}@fabrikam.test", content=f"Subject: {name}\r\n\r\nHello.\r\n".encode())


def test_outcomes_wait_in_memory_for_a_database_that_is_away_and_no_dot_goes_out_meanwhile(engine, database):
    def leave(talk):
        database.away.set()
        talk.say(b"250 2.0.0 ok\r\n")

    with (
        Peer({smtp_peer.DOT: [leave, "250 2.0.0 ok"]}) as peer,
        ledger_of(database, patience=timedelta(minutes=1)) as ledger,
    ):
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(4):
            message(f"m{number}")
        session = threading.Thread(target=deliver_apart, args=[replace(engine, ledger=ledger)])
        session.start()
        wait_until(lambda: database.tries >= 3, what="the ledger tries again and again")
        at_the_peer = len(peer.contents)
        database.away.clear()
        session.join(20)

        assert at_the_peer == 1
        assert copies(peer) == {f"m{number}": 1 for number in range(4)}
        assert len(peer.talks) == 1
    assert not QueuedMessage.objects.exists()


def test_a_database_that_stays_away_costs_one_second_copy_and_blames_nobody(engine, database):
    """Innocent messages must not find themselves in the poison queue after two outages."""

    def leave(talk):
        database.away.set()
        talk.say(b"250 2.0.0 ok\r\n")

    with (
        Peer({smtp_peer.DOT: [leave, "250 2.0.0 ok"]}) as peer,
        ledger_of(database, patience=timedelta(seconds=0.3)) as ledger,
    ):
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(3):
            message(f"m{number}")
        with pytest.raises(Exception, match="the database is gone"):
            deliver(replace(engine, ledger=ledger))
        database.away.clear()
        let_leases_run_out()
        deliver(replace(engine, ledger=ledger))

        assert copies(peer) == {"m0": 2, "m1": 1, "m2": 1}
    assert not QueuedMessage.objects.exists()
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.DELIVERED}
    assert not Attempt.objects.exclude(outcome="delivered").exists()


def test_an_outcome_that_can_never_be_written_is_held_against_its_own_message_which_is_laid_aside(
    engine, database
):
    with Peer() as peer, ledger_of(database, patience=timedelta(seconds=5)) as ledger:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        database.unwritable = message("odd")
        for number in range(3):
            message(f"m{number}")
        for _ in range(3):
            deliver(replace(engine, ledger=ledger))
            moves.make_due(QueuedMessage.objects.all(), now=timezone.now())

        assert copies(peer) == {"odd": 2, "m0": 1, "m1": 1, "m2": 1}
    laid_aside = QueuedMessage.objects.select_related("queue").get()
    assert (laid_aside.message_id, laid_aside.queue.delivery_type) == (
        database.unwritable,
        DeliveryType.POISON,
    )
