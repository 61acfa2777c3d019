"""Messages handed in one at a time, by several at once."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from tests.support.engine import PLAIN, connector, server
from transport.envelope import Envelope
from transport.hand_in import Key, KeyTaken, hand_in
from transport.models import HandedIn, Message, Queue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
WRITERS = 6


def envelope(recipient="bob@fabrikam.test"):
    now = timezone.now()
    return Envelope(mail_from="anna@contoso.test", recipients=(recipient,), content=PLAIN, received_at=now)


def all_at_once(work):
    """Run it in several threads that begin together; what each gave."""
    gate, given = threading.Barrier(WRITERS), []

    def run():
        try:
            gate.wait(10)
            given.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return given


def test_one_key_makes_one_message_however_many_hand_it_in_at_once():
    at = server()
    connector()
    key = Key(name="HTTP 1 order 7", content="the same")
    given = all_at_once(lambda: hand_in(envelope(), server=at, now=timezone.now(), key=key))

    assert len(given) == WRITERS
    assert len({one.message_id for one in given}) == 1
    assert sorted(one.repeated for one in given) == [False] + [True] * (WRITERS - 1)
    assert Message.objects.count() == Queue.objects.get().message_count == 1


def test_without_a_key_each_is_a_message():
    at = server()
    connector()
    given = all_at_once(lambda: hand_in(envelope(), server=at, now=timezone.now()))

    assert len({one.message_id for one in given}) == Message.objects.count() == WRITERS
    assert not HandedIn.objects.exists()


def test_a_key_that_was_used_for_something_else_is_refused():
    at = server()
    connector()
    hand_in(envelope(), server=at, now=timezone.now(), key=Key(name="k", content="one"))
    with pytest.raises(KeyTaken):
        hand_in(envelope(), server=at, now=timezone.now(), key=Key(name="k", content="another"))

    assert Message.objects.count() == 1
