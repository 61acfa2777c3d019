"""One attempt against real sockets: which host, which outcome, what is on disk when."""

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.support import smtp_peer
from tests.support.engine import PLAIN, accept, connector
from tests.support.ports import free_port
from tests.support.smtp_peer import Peer
from transport import delivery, judged, servers
from transport.engine import Engine
from transport.models import (
    Attempt,
    Content,
    Message,
    Queue,
    QueuedMessage,
    Recipient,
    Session,
    TransportServer,
)
from transport.queue import claims
from transport.smtp.client import Client
from transport.states import QueuedState, RecipientState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


def deliver(engine: Engine) -> int:
    return delivery.deliver(Queue.objects.get().pk, engine=engine)


def test_one_session_carries_all_the_mail_of_its_queue(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(15):
            accept(f"user{number}@fabrikam.test")
        settled = deliver(engine)

        assert settled == 15
        assert len(peer.contents) == 15
        assert len(peer.talks) == 1
    assert not QueuedMessage.objects.exists()
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.DELIVERED}
    assert not Session.objects.exists()


def test_a_connection_carries_no_more_messages_than_the_connector_allows(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, messages_per_connection=4)
        for number in range(10):
            accept(f"user{number}@fabrikam.test")
        deliver(engine)

        assert [len(talk.contents) for talk in peer.talks] == [4, 4, 2]


def test_the_next_smart_host_is_used_when_one_refuses_the_connection(engine):
    with Peer(address="127.0.0.1") as peer:
        connector(smart_hosts=("127.0.0.8", "127.0.0.1"), port=peer.port)
        for _ in range(2):
            accept("bob@fabrikam.test")
            deliver(engine)

        assert len(peer.contents) == 2
    stages = list(Attempt.objects.values_list("stage", "outcome"))
    assert stages.count(("DOT", "delivered")) == 2
    assert ("CONNECT", "deferred") in stages


def test_a_host_that_wants_no_more_on_this_connection_is_dialled_again(engine):
    script = {"MAIL": ["250 2.1.0 ok", "421 4.7.0 Enough for one connection", "250 2.1.0 ok"]}
    with Peer(script, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept("bob@fabrikam.test")
        accept("eva@fabrikam.test")

        assert deliver(engine) == 2
        assert len(peer.talks) == 2
    assert Queue.objects.get().retry_count == 0


def test_a_host_that_refuses_every_message_at_once_is_a_failure_of_the_queue(engine):
    with Peer({"MAIL": "421 4.3.2 Not now"}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept("bob@fabrikam.test")
        deliver(engine)
    queue = Queue.objects.with_status().get()

    assert (queue.status, queue.retry_count, queue.last_error) == ("Retry", 1, "421 4.3.2 Not now")
    assert Attempt.objects.get().stage == "MAIL"
    assert QueuedMessage.objects.get().state == QueuedState.READY


def test_one_message_that_breaks_its_connection_does_not_hold_up_the_others(engine):
    with Peer({smtp_peer.DOT: [smtp_peer.close, "250 2.0.0 ok"]}, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        first = accept("bob@fabrikam.test")
        accept("eva@fabrikam.test")
        deliver(engine)
    waiting = QueuedMessage.objects.get()

    assert waiting.message_id == first
    assert waiting.state == QueuedState.RETRY
    assert Attempt.objects.get(message=first).in_doubt


def test_recipients_of_one_message_fare_as_the_host_says(engine):
    script = {"RCPT": ["250 2.1.5 ok", "451 4.7.1 later", "550 5.1.1 unknown", "250 2.1.5 ok"]}
    with Peer(script) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, spaces="fabrikam.test")
        accept("a@fabrikam.test", "b@fabrikam.test", "c@fabrikam.test")
        deliver(engine)
        states = dict(Recipient.objects.values_list("address", "state"))
        assert len(peer.contents) == 1
        QueuedMessage.objects.update(next_attempt_at=timezone.now())
        delivery.deliver(Queue.objects.get(next_hop_domain="[127.0.0.1]").pk, engine=engine)

        assert [line for line in peer.talk.commands if line.startswith("RCPT")] == [
            "RCPT TO:<b@fabrikam.test>"
        ]
    assert states == {
        "a@fabrikam.test": RecipientState.DELIVERED,
        "b@fabrikam.test": RecipientState.WAITING,
        "c@fabrikam.test": RecipientState.FAILED,
        "anna@contoso.test": RecipientState.WAITING,
    }
    assert list(Attempt.objects.order_by("pk").values_list("outcome", flat=True)) == ["mixed", "delivered"]
    report = b"".join(Content.objects.filter(message__source="DSN").values_list("data", flat=True))
    assert (
        report.count(b"Final-Recipient: ") == report.count(b"Final-Recipient: rfc822; c@fabrikam.test") == 1
    )


def test_no_final_dot_goes_out_before_the_last_outcome_is_on_disk(engine):
    """The peer looks into the table when it sees a dot: every earlier message must have left it."""
    waiting_at_dot: list[int] = []

    def look(talk: smtp_peer.Talk) -> None:
        waiting_at_dot.append(QueuedMessage.objects.count())
        from django.db import connection

        connection.close()
        talk.say(b"250 2.0.0 ok\r\n")

    with Peer({smtp_peer.DOT: look}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(5):
            accept(f"user{number}@fabrikam.test")
        deliver(engine)

    assert waiting_at_dot == [5, 4, 3, 2, 1]


def test_a_domain_that_takes_no_mail_ends_the_message_without_dialling(engine):
    connector(smart_hosts=("127.0.0.1",), port=free_port(), spaces="contoso.test")
    connector("Loop")
    accept("bob@[127.0.0.1]")
    mine = replace(engine, own_listeners=("127.0.0.1:25",))
    delivery.deliver(Queue.objects.get(next_hop_domain="[127.0.0.1]").pk, engine=mine)
    attempt = Attempt.objects.get()

    assert (attempt.stage, attempt.outcome, attempt.enhanced) == ("DNS", "failed", "5.4.6")


def test_the_dialogue_of_a_verbose_connector_is_logged(engine, tmp_path):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, protocol_logging=True)
        accept("bob@fabrikam.test")
        deliver(engine)
    text = next((tmp_path / "logs").iterdir()).read_text(encoding="utf-8-sig")

    assert "MAIL FROM:<anna@contoso.test>" in text
    assert "Hello." not in text


def test_a_worker_that_stops_leaves_the_rest_in_the_queue(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(5):
            accept(f"user{number}@fabrikam.test")
        stopping = replace(engine, stopping=lambda: len(peer.contents) >= 2)
        settled = delivery.deliver(Queue.objects.get().pk, engine=stopping)

        assert settled == len(peer.contents) == 2
    assert QueuedMessage.objects.filter(state=QueuedState.READY).count() == 3
    assert Queue.objects.get().retry_count == 0


def test_a_host_that_takes_only_some_recipients_at_a_time_gets_the_rest_at_once(engine):
    script = {"RCPT": ["250 2.1.5 ok", "452 4.5.3 Too many recipients", "250 2.1.5 ok"]}
    with Peer(script) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept("a@fabrikam.test", "b@fabrikam.test")
        deliver(engine)

        assert len(peer.contents) == 2
    assert not QueuedMessage.objects.exists()


def test_a_host_that_takes_nobody_is_not_asked_again_at_once(engine):
    with Peer({"RCPT": "452 4.5.3 Too many recipients"}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept("a@fabrikam.test")

        assert deliver(engine) == 1
        assert not any(peer.contents)
    assert QueuedMessage.objects.get().state == QueuedState.RETRY


def test_a_session_that_was_taken_back_sends_no_further_dot(engine):
    """The worker stood still for longer than its lease: others have its mail."""

    def take_back(talk):
        with transaction.atomic():
            claims.close_session(Session.objects.get().pk)
        connection.close()
        talk.say(b"250 2.0.0 ok\r\n")

    with Peer({"DOT": take_back}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(5):
            accept(f"user{number}@fabrikam.test")
        deliver(engine)

        assert len(peer.contents) == 1
    assert set(QueuedMessage.objects.values_list("state", "retry_count")) == {(QueuedState.READY, 0)}
    assert not engine.open_sessions


def test_a_message_that_breaks_the_session_waits_and_the_others_go(engine, monkeypatch):
    def send(client, transaction, **hooks):
        if transaction.recipients == ("user1@fabrikam.test",):
            raise ZeroDivisionError
        return real(client, transaction, **hooks)

    real = Client.send
    monkeypatch.setattr(Client, "send", send)
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(4):
            accept(f"user{number}@fabrikam.test")
        with pytest.raises(ZeroDivisionError):
            deliver(engine)
        deliver(engine)

        assert len(peer.contents) == 3
    waiting = QueuedMessage.objects.get()
    assert (waiting.state, waiting.last_error) == (QueuedState.RETRY, judged.BROKEN.line)
    assert Queue.objects.get().next_retry_at is None
    assert not Session.objects.exists()


def test_a_session_that_breaks_before_its_first_message_puts_its_queue_in_retry(engine):
    connector(smart_hosts=("127.0.0.1",))
    accept("bob@fabrikam.test")
    TransportServer.objects.update(fqdn="no host name")
    servers.forget()
    with pytest.raises(ValueError, match="no host name"):
        deliver(engine)
    queue = Queue.objects.get()

    assert (queue.retry_count, queue.last_error) == (1, judged.BROKEN.line)
    assert QueuedMessage.objects.get().state == QueuedState.READY


def test_many_recipients_go_in_transactions_of_a_hundred(engine):
    recipients = [f"user{number}@fabrikam.test" for number in range(250)]
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept(*recipients)
        deliver(engine)
        said = [line for talk in peer.talks for line in talk.commands]

        assert len(peer.contents) == 3
    assert [line for line in said if line.startswith("RCPT")] == [f"RCPT TO:<{name}>" for name in recipients]
    assert not QueuedMessage.objects.exists()
    assert Recipient.objects.filter(state=RecipientState.DELIVERED).count() == 250


def test_a_message_waits_for_the_recipients_that_an_early_transaction_put_off(engine):
    script = {"RCPT": ["451 4.7.1 later", "250 2.1.5 ok"]}
    with Peer(script) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept(*(f"user{number}@fabrikam.test" for number in range(150)))
        deliver(engine)

        assert len(peer.contents) == 2
    queued = QueuedMessage.objects.get()
    assert (queued.state, queued.last_error) == (QueuedState.RETRY, "451 4.7.1 later")
    waiting = Recipient.objects.filter(state=RecipientState.WAITING)
    assert list(waiting.values_list("address", flat=True)) == ["user0@fabrikam.test"]


EIGHT_BIT = b"Subject: x\r\n\r\n" + "größer\r\n".encode()
DEMANDING = [
    (("SIZE 100",), {"content": b"Subject: x\r\n\r\n" + b"x\r\n" * 100}, "bob@fabrikam.test", "552 5.3.4"),
    ((), {"content": EIGHT_BIT}, "bob@fabrikam.test", "554 5.6.3"),
    ((), {"smtputf8": True}, "bøb@fabrikam.test", "550 5.6.7"),
]
"""What a host offers beside PIPELINING, and mail that it cannot take; nothing is converted for it."""


@pytest.mark.parametrize(("offers", "mail", "recipient", "_code"), DEMANDING)
def test_what_one_host_cannot_take_is_offered_to_the_next_one(engine, offers, mail, recipient, _code):
    offers = ("PIPELINING", *offers)
    with Peer(offers=offers) as plain, Peer(address="127.0.0.2", port=plain.port) as able:
        connector(smart_hosts=("127.0.0.1", "127.0.0.2"), port=plain.port)
        for _ in range(4):
            accept(recipient, **mail)
            deliver(engine)

        assert not any("DATA" in talk.commands for talk in plain.talks)
        assert len(able.contents) == 4
        assert set(able.contents) == {mail.get("content", PLAIN)}
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.DELIVERED}


@pytest.mark.parametrize(("offers", "mail", "recipient", "code"), DEMANDING)
def test_what_no_host_can_take_goes_back_with_its_own_code(engine, offers, mail, recipient, code):
    with Peer(offers=("PIPELINING", *offers)) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, spaces="fabrikam.test")
        accept(recipient, **mail)
        accept("eva@fabrikam.test", content=b"Subject: x\r\n\r\nx\r\n")
        deliver(engine)

        assert len(peer.contents) == 1
    refused = Recipient.objects.get(address=recipient)
    assert refused.state == RecipientState.FAILED
    assert refused.last_reply.startswith(code)
    assert Message.objects.filter(source="DSN").count() == 1


def test_a_host_that_answered_out_of_step_gets_one_command_at_a_time_from_then_on(engine):
    two_answers = b"250 2.1.0 ok\r\n250 2.1.0 ok\r\n"
    with Peer({"MAIL": [two_answers, "250 2.1.0 ok"]}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        accept("bob@fabrikam.test")
        deliver(engine)
        QueuedMessage.objects.update(state=QueuedState.READY, next_attempt_at=timezone.now())
        Queue.objects.update(next_retry_at=None, retry_count=0)
        deliver(engine)

        assert len(peer.contents) == 1
    assert not engine.hosts.keeps_step(f"127.0.0.1:{peer.port}")


def test_a_session_ends_when_the_configuration_changes(engine):
    """What it holds goes; the rest is for a session that knows the new settings."""

    def change(talk: smtp_peer.Talk) -> None:
        if len(talk.contents) == 1:
            connector("Partner", spaces="partner.test")
            connection.close()
        talk.say(b"250 2.0.0 ok\r\n")

    with Peer({"DOT": change}) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(12):
            accept(f"user{number}@fabrikam.test")
        settled = deliver(engine)

        assert settled == len(peer.contents) <= 2 * engine.limits().claim


@pytest.mark.parametrize("refusal", ["421 4.7.0 Too much mail from you", smtp_peer.close])
def test_a_host_that_closes_on_every_message_is_not_asked_about_each_of_them(engine, refusal):
    with Peer({"RCPT": refusal}, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(10):
            accept(f"user{number}@fabrikam.test")
        deliver(engine)

        assert len(peer.talks) == 2
    queue = Queue.objects.with_status().get()
    assert (queue.status, queue.retry_count) == ("Retry", 1)
    assert QueuedMessage.objects.filter(state=QueuedState.RETRY).count() == 2


def test_a_connection_that_ends_after_some_messages_is_no_fault_of_the_host(engine):
    """Many take only so many messages over one connection."""
    rcpt = ["250 2.1.5 ok", "421 4.7.0 Enough", "250 2.1.5 ok", "421 4.7.0 Enough", "250 2.1.5 ok"]
    with Peer({"RCPT": rcpt}, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for number in range(6):
            accept(f"user{number}@fabrikam.test")
        deliver(engine)

        assert len(peer.contents) == 4
    assert Queue.objects.get().retry_count == 0
