"""An attempt holds its sessions the way the connector says, and what cannot be done makes mail wait."""

from dataclasses import fields, replace
from datetime import timedelta
from time import monotonic

import pytest

from connectors.profiles import IpFamily, Timeouts
from tests.support.engine import accept, connector
from tests.support.smtp_peer import Peer, hang
from transport import delivery
from transport.models import Attempt, Queue, QueuedMessage
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


def waiting(engine):
    """Try, and give the queue in which the message still waits."""
    accept()
    delivery.deliver(Queue.objects.get().pk, engine=engine)
    assert QueuedMessage.objects.get().state in {QueuedState.READY, QueuedState.RETRY}
    queue = Queue.objects.get()
    assert queue.retry_count == 1
    return queue


def test_mail_leaves_from_the_source_address_with_helo(engine):
    came_from = []

    def remember(talk):
        came_from.append(talk.socket.getpeername()[0])
        talk.say(b"220 ready\r\n")

    with Peer({"BANNER": remember}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, source_ip_address="127.0.0.9", force_helo=True)
        accept()
        assert delivery.deliver(Queue.objects.get().pk, engine=engine) == 1

        assert came_from == ["127.0.0.9"]
        assert peer.talk.commands[0] == "HELO e15mb1.admincenter.test"
    assert not QueuedMessage.objects.exists()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"source_ip_address": "192.0.2.99"}, "192.0.2.99: it is not an address of this machine"),
        ({"source_ip_address": "2001:db8::99"}, "IpFamily or SourceIPAddress of the send connector"),
        (
            {"ip_family": IpFamily.IPV6_ONLY},
            "IpFamily or SourceIPAddress of the send connector means IPv6Only",
        ),
        ({"tls_certificate_name": "gone"}, "454 4.7.5 There is no certificate gone in the folder"),
    ],
)
def test_what_this_machine_cannot_do_makes_mail_wait_and_says_so(engine, settings, sentence):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, **settings)
        queue = waiting(engine)

        assert peer.talks == []
    assert sentence in queue.last_error


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "dot"])
def test_the_time_out_of_each_stage_is_the_one_of_the_connector(engine, stage):
    usual = {one.name: timedelta(seconds=20) for one in fields(Timeouts)}
    timeouts = Timeouts(**{**usual, stage: timedelta(seconds=1), "quit": timedelta(seconds=1)})
    with Peer({stage.upper(): hang}, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, timeouts=timeouts)
        accept()
        delivery.deliver(Queue.objects.get().pk, engine=engine)
    attempt = Attempt.objects.get()

    assert (attempt.stage, attempt.code, attempt.outcome) == (stage.upper(), 421, "deferred")
    assert attempt.in_doubt == (stage == "dot")
    assert QueuedMessage.objects.exists()


def test_an_idle_connection_is_closed_after_the_inactivity_time_out(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, inactivity_timeout=timedelta(seconds=1))
        accept()
        started = monotonic()
        assert delivery.deliver(Queue.objects.get().pk, engine=replace(engine, linger=30)) == 1

        assert 0.9 < monotonic() - started < 10
        assert peer.talk.commands[-1] == "QUIT"
