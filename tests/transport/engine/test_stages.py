"""Every stage of a session times everything a host can do wrong there: what becomes of mail and queue."""

import ssl
import uuid
from datetime import timedelta

import pytest
import trustme
from django.utils import timezone

from connectors import address_spaces, credentials, services
from connectors.profiles import Delivery, SmartHostAuth, Timeouts
from connectors.specs import ConnectorSpec
from tests.support.engine import accept
from tests.support.smtp_peer import Peer, close, endless, hang, split
from transport import delivery
from transport.models import Attempt, LoginHold, Message, Queue, QueuedMessage, Recipient
from transport.states import QueuedState, RecipientState

pytestmark = pytest.mark.django_db(transaction=True)

DELIVERED = "delivered"
FAILED = "failed"
"""The sender gets a report."""
MESSAGE = "message waits"
"""It has its own next attempt, which counts as its retry; the queue stays open for other messages."""
DOUBT = "message waits, perhaps delivered"
"""The same, and the attempt says that a second copy may arrive."""
QUEUE = "queue in Retry"
"""The next hop cannot be used: the whole queue waits, and the message goes when the queue does."""

HELD = "connector held"
"""The login was refused: the queue waits as well, and no session asks the host again before its time."""

COLUMNS = ("4xx", "5xx", "421", "close", "hang", "garbage", "endless", "split")
TABLE = {
    #            4xx        5xx        421        close      hang       garbage    endless    split
    "BANNER":   (QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     DELIVERED),
    # A host that does not know EHLO is greeted with HELO.
    "EHLO":     (QUEUE,     DELIVERED, QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     DELIVERED),
    # The connector requires TLS.
    "STARTTLS": (QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     DELIVERED),
    "AUTH":     (QUEUE,     HELD,      QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     DELIVERED),
    # Until here the host knows nothing of the message; from now on what breaks may be about this one alone.
    "MAIL":     (MESSAGE,   FAILED,    QUEUE,     QUEUE,     QUEUE,     QUEUE,     QUEUE,     DELIVERED),
    "RCPT":     (MESSAGE,   FAILED,    MESSAGE,   MESSAGE,   MESSAGE,   MESSAGE,   MESSAGE,   DELIVERED),
    "DATA":     (MESSAGE,   FAILED,    MESSAGE,   MESSAGE,   MESSAGE,   MESSAGE,   MESSAGE,   DELIVERED),
    # An endless 550 is no unclear answer: the host does not have the message.
    "DOT":      (MESSAGE,   FAILED,    MESSAGE,   DOUBT,     DOUBT,     DOUBT,     MESSAGE,   DELIVERED),
    "QUIT":     (DELIVERED, DELIVERED, DELIVERED, DELIVERED, DELIVERED, DELIVERED, DELIVERED, DELIVERED),
}  # fmt: skip
GOOD = {
    "BANNER": b"220 peer.test\r\n",
    "EHLO": b"250-peer.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "AUTH": b"235 ok\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go\r\n",
    "DOT": b"250 2.0.0 queued as 7\r\n",
    "QUIT": b"221 bye\r\n",
}
FAULTS = {
    "4xx": "450 4.2.0 not now",
    "5xx": "554 5.0.0 never",
    "421": "421 4.3.2 closing",
    "close": close,
    "hang": hang,
    "garbage": b"\xff\xfe<html>\r\n",
    "endless": endless(b"550-never\r\n"),
}
LASTS = {
    "4xx": "450 4.2.0 not now",
    "5xx": "554 5.0.0 never",
    "421": "421 4.3.2 closing",
    "close": "421 4.4.2 Connection dropped",
    "hang": "421 4.4.2 Timed out",
    "garbage": "421 4.5.0 Protocol error",
    "endless": "421 4.5.0 Protocol error",
}
"""What LastError says, of the queue or of the message."""
CELLS = [(stage, column) for stage in TABLE for column in COLUMNS]
SHORT = timedelta(seconds=1)


@pytest.fixture(scope="module")
def certificate():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("peer.test").configure_cert(context)
    return context


def connector_to(peer, stage):
    """A connector whose sessions pass through the stage, with the shortest time-out for it."""
    guid = uuid.uuid4()
    login = {
        "auth": SmartHostAuth.BASIC,
        "username": "relay",
        "sealed_password": credentials.seal("secret", guid=guid),
    }
    spec = ConnectorSpec(
        name="Provider",
        delivery=Delivery.SMART_HOST,
        smart_hosts=("127.0.0.1",),
        port=peer.port,
        address_spaces=(address_spaces.parse("fabrikam.test"),),
        source_servers=("E15MB1",),
        require_tls=stage == "STARTTLS",
        timeouts=Timeouts(**{stage.lower(): SHORT}),
        **(login if stage == "AUTH" else {}),
    )
    services.create(spec, guid=guid, actor="tests")


@pytest.mark.parametrize(("stage", "column"), CELLS)
def test_what_becomes_of_the_mail(engine, certificate, stage, column):
    expected = TABLE[stage][COLUMNS.index(column)]
    act = split(GOOD[stage]) if column == "split" else FAULTS[column]
    with Peer(
        {"AUTH": GOOD["AUTH"], stage: act},
        offers=["AUTH PLAIN"] if stage == "AUTH" else [],
        tls=certificate if stage == "STARTTLS" else None,
    ) as peer:
        connector_to(peer, stage)
        accept("bob@fabrikam.test", trusted_sender=True)
        delivery.deliver(Queue.objects.get(next_hop_domain="[127.0.0.1]").pk, engine=engine)
        received = len(peer.contents)

    queue = Queue.objects.get(next_hop_domain="[127.0.0.1]")
    recipient = Recipient.objects.get(address="bob@fabrikam.test")
    assert outcome(queue, recipient) == expected
    assert received == (1 if expected == DELIVERED or stage == "DOT" else received)
    if expected in {MESSAGE, DOUBT, QUEUE, HELD}:
        assert LASTS[column] in queue_or_message(queue, expected).last_error


def queue_or_message(queue, expected):
    return queue if expected in {QUEUE, HELD} else QueuedMessage.objects.get(queue=queue)


def outcome(queue, recipient):
    """The word of the table for what is in the database."""
    waiting = QueuedMessage.objects.filter(message=recipient.message).first()
    reports = Message.objects.filter(mail_from="").count()
    in_doubt = Attempt.objects.filter(in_doubt=True).exists()
    if waiting is None:
        assert queue.next_retry_at is None
        ended = {RecipientState.DELIVERED: DELIVERED, RecipientState.FAILED: FAILED}[recipient.state]
        assert reports == (ended == FAILED)
        return ended
    assert reports == 0
    assert recipient.state == RecipientState.WAITING
    if queue.next_retry_at is not None:
        assert queue.retry_count == 1
        assert waiting.next_attempt_at <= queue.next_retry_at
        return HELD if LoginHold.objects.exists() else QUEUE
    assert (waiting.state, waiting.retry_count) == (QueuedState.RETRY, 1)
    assert waiting.next_attempt_at > timezone.now()
    return DOUBT if in_doubt else MESSAGE
