"""A wrong password holds the mail of its connector and is tried once per interval; a right one ends that."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connectors import address_spaces, credentials, services
from connectors.profiles import Delivery, SmartHostAuth
from connectors.specs import ConnectorSpec
from tests.support.engine import LIMITS, accept, expired
from tests.support.smtp_peer import Peer
from transport import delivery, login_holds, operations, servers
from transport.models import Attempt, LoginHold, Message, Queue, QueuedMessage, Session
from transport.queue import demand, waits
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
REFUSAL = "535 5.7.8 Authentication credentials invalid"
HUNDREDS = 300


class Provider(Peer):
    """A smart host that counts logins; `right` says whether they are let in."""

    right = False

    def __init__(self, **options):
        super().__init__({"AUTH": self._judge}, offers=["AUTH PLAIN", "PIPELINING"], **options)
        self.logins = 0
        self._counting = threading.Lock()

    def _judge(self, talk):
        with self._counting:
            self.logins += 1
        talk.say(b"235 2.7.0 welcome\r\n" if self.right else REFUSAL.encode() + b"\r\n")


@pytest.fixture
def provider():
    with Provider() as peer:
        yield peer


def relay(peer, *, hosts=("127.0.0.1",)):
    guid = uuid.uuid4()
    spec = ConnectorSpec(
        name="Relay",
        delivery=Delivery.SMART_HOST,
        smart_hosts=hosts,
        port=peer.port,
        auth=SmartHostAuth.BASIC,
        username="relay",
        sealed_password=credentials.seal("wrong", guid=guid),
        address_spaces=(address_spaces.parse("*"),),
        source_servers=("E15MB1",),
    )
    return services.create(spec, guid=guid, actor="tests")


def correct(connector, *, password):
    sealed = credentials.seal(password, guid=connector.guid)
    spec = replace(services.spec_of(connector), sealed_password=sealed)
    services.change(connector.pk, spec, actor="tests", expected_version=None)


def sessions(engine, *, count=20):
    """As many sessions at one moment."""
    queue_id = Queue.objects.get().pk

    def run(_):
        try:
            return delivery.deliver(queue_id, engine=engine)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(run, range(count)))


def rings():
    wanted = demand.demands(servers.own().pk, limits=LIMITS, now=timezone.now())
    return {one.queue_id: one.sessions for one in wanted}


def test_hundreds_of_messages_and_twenty_sessions_ask_once(engine, provider):
    relay(provider)
    for number in range(HUNDREDS):
        accept(f"user{number}@fabrikam.test")
    assert sessions(engine) == 0

    assert provider.logins == 1
    assert provider.contents == []
    assert QueuedMessage.objects.count() == HUNDREDS
    assert Message.objects.count() == HUNDREDS
    assert not Session.objects.exists()
    assert rings() == {}
    for _ in range(5):
        assert sessions(engine, count=4) == 0
    assert provider.logins == 1


def test_the_queue_says_what_was_said_until_when_and_what_to_do(engine, provider):
    relay(provider)
    accept()
    sessions(engine, count=1)
    queue, hold = Queue.objects.with_status().get(), LoginHold.objects.get()

    assert queue.status == "Retry"
    assert queue.next_retry_at == hold.until
    assert timedelta(minutes=9) < hold.until - timezone.now() <= timedelta(minutes=10)
    assert queue.last_error == (
        f"454 4.7.0 Authentication failed at 127.0.0.1 ({REFUSAL}); this connector's mail is held until "
        f"{hold.until:%Y-%m-%d %H:%M:%S} UTC, fix the user name or password of send connector Relay"
    )
    attempt = Attempt.objects.get()
    assert (attempt.stage, attempt.code, attempt.outcome) == ("AUTH", 535, "deferred")


def test_the_other_smart_hosts_are_not_asked_too(engine, provider):
    with Provider(address="127.0.0.2", port=provider.port) as second:
        relay(provider, hosts=("127.0.0.1", "127.0.0.2"))
        accept()
        sessions(engine, count=3)

        assert provider.logins + second.logins == 1


def test_after_the_interval_it_is_asked_once_again(engine, provider):
    relay(provider)
    for _ in range(3):
        accept()
    sessions(engine)
    LoginHold.objects.update(until=timezone.now())
    Queue.objects.update(next_retry_at=timezone.now())
    engine.sign_ins._shared.clear()  # as after the time that passed
    sessions(engine)

    assert provider.logins == 2
    assert LoginHold.objects.get().until > timezone.now()


def test_a_corrected_password_makes_mail_flow_at_once(engine, provider):
    connector = relay(provider)
    for _ in range(3):
        accept()
    sessions(engine)
    provider.right = True
    correct(connector, password="right")
    assert login_holds.lift_outdated(servers.own(), now=timezone.now()) == 1

    assert rings() != {}
    assert sessions(engine, count=1) == 3
    assert provider.logins == 2
    assert not LoginHold.objects.exists()
    assert not QueuedMessage.objects.exists()


def test_a_change_that_corrects_nothing_is_asked_once_more_and_held_again(engine, provider):
    connector = relay(provider)
    accept()
    sessions(engine)
    correct(connector, password="wrong again")
    login_holds.lift_outdated(servers.own(), now=timezone.now())
    sessions(engine)

    assert provider.logins == 2
    assert LoginHold.objects.get().connector_version == 2


def test_retry_by_an_administrator_asks_once(engine, provider):
    relay(provider)
    accept()
    sessions(engine)
    engine.sign_ins._shared.clear()
    assert operations.retry_queues(Queue.objects.all(), actor="anna") == 1
    provider.right = True

    assert sessions(engine, count=1) == 1
    assert provider.logins == 2


def test_a_new_worker_process_does_not_ask_before_the_time(engine, provider):
    relay(provider)
    accept()
    sessions(engine)
    engine.sign_ins._shared.clear()
    Queue.objects.update(next_retry_at=None)
    sessions(engine, count=5)

    assert provider.logins == 1
    assert Queue.objects.get().next_retry_at == LoginHold.objects.get().until


def test_the_upkeep_of_the_queues_does_not_shorten_a_hold(engine, provider):
    relay(provider)
    accept()
    sessions(engine)
    waits.shorten(servers.own(), now=timezone.now())

    assert Queue.objects.get().next_retry_at == LoginHold.objects.get().until
    assert login_holds.lift_outdated(servers.own(), now=timezone.now()) == 0


def test_a_clock_that_was_set_back_holds_nothing_for_long(engine, provider):
    relay(provider)
    accept()
    sessions(engine)
    LoginHold.objects.update(until=timezone.now() + timedelta(days=300))

    assert login_holds.lift_outdated(servers.own(), now=timezone.now()) == 1


def test_held_mail_expires_as_usual_and_no_report_comes_before(engine, provider):
    relay(provider)
    message_id = accept()
    sessions(engine)
    assert Message.objects.count() == 1
    assert QueuedMessage.objects.get().state in {QueuedState.READY, QueuedState.RETRY}

    with transaction.atomic():
        ended = expired(servers.own(), now=timezone.now() + timedelta(days=3))
    assert [one.message_id for one in ended] == [message_id]
    assert provider.logins == 1


def test_a_login_refused_in_the_middle_of_a_backlog_holds_the_rest(engine, provider):
    connector = relay(provider)
    spec = replace(services.spec_of(connector), messages_per_connection=2)
    services.change(connector.pk, spec, actor="tests", expected_version=None)
    provider.right = True
    for _ in range(6):
        accept()
    provider.script["AUTH"] = [provider._judge, lambda talk: talk.say(REFUSAL.encode() + b"\r\n")]

    assert sessions(engine, count=1) == 2
    assert QueuedMessage.objects.count() == 4
    assert LoginHold.objects.exists()
    assert Queue.objects.get().next_retry_at == LoginHold.objects.get().until


@pytest.mark.parametrize("said", ["454 4.7.0 Temporary authentication failure", "421 4.7.0 Too many"])
def test_a_temporary_trouble_with_the_login_is_no_refusal(engine, provider, said):
    provider.script["AUTH"] = [said]
    relay(provider)
    accept()
    sessions(engine, count=1)

    assert not LoginHold.objects.exists()
    assert said in Queue.objects.get().last_error
