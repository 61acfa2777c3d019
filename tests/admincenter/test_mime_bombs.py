"""Messages made to break whoever parses them: delivered byte for byte, shown, listed, exported, reported."""

import contextlib
import time
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from connectors import dkim_keys
from connectors.dkim_keys import DkimKeySpec
from connectors.signing_keys import Algorithm
from tests.support.engine import accept, connector, engine_of_a_worker
from tests.support.engine import server as register
from tests.support.smtp_peer import Peer
from transport import delivery, operations
from transport.models import Message, Queue, QueuedMessage

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = b"From: <anna@contoso.test>\r\nDate: Fri, 27 Nov 2026 09:00:00 +0000\r\nSubject: boom\r\n"
BOMBS = {
    "nested multiparts": HEAD
    + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(400))
    + b"\r\n",
    "many addresses": HEAD
    + b"To: "
    + b",\r\n ".join(b"<u%d@x.test>" % n for n in range(20_000))
    + b"\r\n\r\nx\r\n",
    "many parts": HEAD
    + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    + b"--b\r\n\r\n" * 200_000
    + b"--b--\r\n",
    "a huge line": HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\nx\r\n",
    "open comments": HEAD + b"To: " + b"(" * 20_000 + b"\r\n\r\nx\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?b?//8=?= " * 20_000 + b"\r\n" + HEAD + b"\r\nx\r\n",
}
QUICK_S = 2
"""Of processor time for each; Python's own parser takes more for some."""


@pytest.fixture
def engine(tmp_path):
    register()
    with engine_of_a_worker(tmp_path) as engine:
        yield engine


@pytest.fixture
def signing():
    """A key that signs for the author of the bombs."""
    spec = DkimKeySpec(domain="contoso.test", algorithm=Algorithm.ED25519)
    key = dkim_keys.create(spec, actor="tests", now=timezone.now())
    dkim_keys.enable(key.pk, actor="tests", now=timezone.now())


@contextlib.contextmanager
def quick():
    """What is done here takes a bounded time of this process, whatever else the machine does."""
    before = time.process_time()
    yield
    assert time.process_time() - before < QUICK_S


@pytest.mark.usefixtures("signing")
def test_bombs_are_signed_shown_listed_exported_and_delivered(engine, signed_in, tmp_path):
    with Peer(offers=()) as peer:
        connector(smart_hosts=("127.0.0.1",), port=peer.port, max_message_bytes=None)
        for name, bomb in BOMBS.items():
            with quick():
                number = accept("bob@fabrikam.test", content=bomb)
                page = signed_in.get(f"/mail-flow/queues/messages/{number}/")
                listed, exported = StringIO(), tmp_path / "x.eml"
                call_command("ems", command="Get-Message | Format-List", stdout=listed)
                call_command(
                    "ems",
                    command=f"Get-Message | Export-Message -Path '{exported}' -Force",
                    stdout=StringIO(),
                )
                delivery.deliver(Queue.objects.get().pk, engine=engine)
            sent = peer.contents[-1].replace(b"\r\n..", b"\r\n.")

            assert (name, page.status_code) == (name, 200)
            assert f"E15MB1\\{Queue.objects.get().pk}\\" in listed.getvalue()
            assert exported.read_bytes() == sent
            assert sent.startswith(b"DKIM-Signature: ")
            assert sent.endswith(bomb)
    assert not QueuedMessage.objects.exists()


def test_bombs_that_fail_are_reported(server):
    connector("Home", spaces="contoso.test", on=(server.name,))
    connector(on=(server.name,))
    for bomb in BOMBS.values():
        with quick():
            accept("bob@fabrikam.test", content=bomb, at=server)
            failing = QueuedMessage.objects.exclude(message__source="DSN")
            operations.remove_messages(failing, with_ndr=True, actor="tests")

    reports = Message.objects.filter(source="DSN")
    assert reports.count() == len(BOMBS)
    assert max(report.size_bytes for report in reports) < max(map(len, BOMBS.values())) + 20_000
