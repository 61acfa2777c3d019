"""A host that sends our mail back to us: message and report each make a bounded number of rounds."""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.support.engine import connector
from tests.support.smtp_peer import DOT, Peer, Talk
from tests.transport.receiving import conftest as client
from transport import delivery, servers, submission
from transport.engine import Engine
from transport.models import Message, Queue, QueuedMessage, Recipient, TrackingEvent
from transport.receiving.limits import Limits
from transport.states import RecipientState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MAX_HOPS = Limits().max_hops


class Mirror:
    """What a forwarding host brings back to us, through the door for everybody who may relay."""

    def __init__(self) -> None:
        self.rounds: list[str] = []
        self.refusals: list[bytes] = []

    def hand_in(self, mail_from: str, recipient: str, content: bytes) -> bytes:
        """Our reply to the final dot; a loop without an end breaks the connection."""
        assert len(self.rounds) < 4 * MAX_HOPS
        door = client.Peer()
        door.hello()
        door.send(f"MAIL FROM:<{mail_from}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        said = door.send(content + b".\r\n")
        for envelope in door.envelopes:
            self.rounds.append(mail_from)
            with transaction.atomic():
                submission.accept([envelope], server=servers.own(), now=timezone.now())
        if not door.envelopes:
            self.refusals.append(said)
        return said

    def send_back(self, talk: Talk) -> None:
        """Hand the message that has just come in to where it came from, and pass the verdict on."""
        sender, recipient = (line.partition("<")[2].partition(">")[0] for line in talk.commands[-3:-1])
        try:
            talk.say(self.hand_in(sender, recipient, talk.contents[-1]))
        finally:
            connection.close()


def deliver_until_nothing_moves(engine: Engine) -> None:
    for _ in range(4 * MAX_HOPS):
        if not QueuedMessage.objects.exists():
            return
        for queue in Queue.objects.filter(message_count__gt=0):
            delivery.deliver(queue.pk, engine=engine)


def test_a_message_and_its_report_each_end_after_so_many_rounds_and_nobody_is_told_again(engine):
    mirror = Mirror()
    with Peer({DOT: mirror.send_back}, offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        mirror.hand_in("anna@contoso.test", "bob@fabrikam.test", b"Subject: round\r\n\r\nand round\r\n")
        deliver_until_nothing_moves(engine)

    assert mirror.rounds.count("anna@contoso.test") == MAX_HOPS + 1
    assert mirror.rounds.count("") == MAX_HOPS + 1
    assert [said[:10] for said in mirror.refusals] == [b"554 5.4.6 ", b"554 5.4.6 "]
    assert not QueuedMessage.objects.exists()
    assert Recipient.objects.filter(state=RecipientState.FAILED).count() == 2
    assert Message.objects.filter(source="DSN").count() == 1
    told = TrackingEvent.objects.get(event="SUPPRESSED", context__startswith="No failed report")
    assert told.context.endswith("it came from the null sender")
