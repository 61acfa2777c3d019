"""Whatever stands in the database, what a host reads is one message with proper lines (CVE-2023-51764)."""

import re

import pytest

from tests.support.engine import accept, connector
from tests.support.smtp_peer import Peer
from transport import delivery
from transport.models import Queue, QueuedMessage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\n",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\0\n.\r\0\n", b"\n\n.\r\r", b"\r\n.\r.\r\n",
]  # fmt: skip
SMUGGLED = b"MAIL FROM:<evil@example.test>\r\nRCPT TO:<x@fabrikam.test>\r\nDATA\r\nSubject: two\r\n\r\n!\r\n"


def test_no_fake_end_of_data_goes_out(engine):
    with Peer() as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port)
        for end in ENDS:
            accept("bob@fabrikam.test", content=b"Subject: one\r\n\r\nbody" + end + SMUGGLED)
        delivery.deliver(Queue.objects.get().pk, engine=engine)
        wire = b"".join(talk.received for talk in peer.talks)
        contents, said = peer.contents, [line for talk in peer.talks for line in talk.commands]

    assert not QueuedMessage.objects.exists()
    assert len(contents) == len(ENDS)
    assert all(b"evil@example.test" in content for content in contents)
    assert not any("evil" in line for line in said)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", wire)
    assert len(re.findall(rb"(?<=\r\n)\.\r\n", wire)) == len(ENDS)
