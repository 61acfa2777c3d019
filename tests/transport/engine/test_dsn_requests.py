"""What a sender asks about reports travels from the envelope through the tables to the next hop."""

import pytest

from tests.support.engine import accept, connector
from tests.support.smtp_peer import Peer
from transport import delivery
from transport.envelope import DsnRequest
from transport.models import Queue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]

REQUESTS = {
    "bob@fabrikam.test": DsnRequest(notify="SUCCESS,DELAY", orcpt="rfc822;robert@fabrikam.test"),
    "eva@fabrikam.test": DsnRequest(notify="NEVER"),
}


def sent(engine, *, offers):
    """The MAIL and RCPT lines of one message with requests."""
    with Peer(offers=offers) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, spaces="fabrikam.test")
        accept(
            *("bob@fabrikam.test", "eva@fabrikam.test", "dan@fabrikam.test"),
            ret="HDRS",
            envid="QQ+2B314",
            dsn_requests=REQUESTS,
        )
        delivery.deliver(Queue.objects.get().pk, engine=engine)
        return [line for line in peer.talks[0].commands if line.startswith(("MAIL", "RCPT"))]


def test_a_host_that_takes_dsn_is_told_what_the_sender_asked(engine):
    assert sent(engine, offers=("PIPELINING", "DSN")) == [
        "MAIL FROM:<anna@contoso.test> RET=HDRS ENVID=QQ+2B314",
        "RCPT TO:<bob@fabrikam.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;robert@fabrikam.test",
        "RCPT TO:<eva@fabrikam.test> NOTIFY=NEVER ORCPT=rfc822;eva@fabrikam.test",
        "RCPT TO:<dan@fabrikam.test>",
    ]


def test_a_host_that_does_not_is_told_nothing(engine):
    assert sent(engine, offers=("PIPELINING",)) == [
        "MAIL FROM:<anna@contoso.test>",
        "RCPT TO:<bob@fabrikam.test>",
        "RCPT TO:<eva@fabrikam.test>",
        "RCPT TO:<dan@fabrikam.test>",
    ]
