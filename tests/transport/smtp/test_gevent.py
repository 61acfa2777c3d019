"""The client under gevent: the worker's sockets are patched, and greenlets wait where threads would."""

import json
import subprocess
import sys
import textwrap

import pytest

from tests.support.smtp_peer import Peer, drip, hang, split

PROGRAM = """
    from gevent import monkey
    monkey.patch_all()
    import json, sys
    from datetime import timedelta
    import gevent
    from connectors.profiles import TlsPolicy
    from transport.envelope import Host, Transaction
    from transport.smtp.client import Client, SessionFailed
    from transport.smtp.timeouts import Timeouts

    port, count, require, short = json.loads(sys.argv[1])

    def visit(number):
        client = Client(
            ehlo_name="us.test",
            tls_policy=TlsPolicy(require=require),
            timeouts=Timeouts(**{stage: timedelta(seconds=0.2) for stage in short}),
        )
        try:
            client.connect(Host(name="mx.peer.test", address="127.0.0.1", port=port))
        except SessionFailed as failed:
            return failed.reply.line
        content = b"Subject: %d\\r\\n\\r\\n" % number + b"x" * 98 * number + b"\\r\\n"
        result = client.send(
            Transaction(
                message_id=number,
                mail_from="anna@contoso.test",
                recipients=("bob@peer.test",),
                content=(content,),
                size_bytes=len(content),
            ),
            before_dot=lambda: gevent.sleep(0.01),
        )
        client.quit()
        return result.replies[0][1].line

    greenlets = [gevent.spawn(visit, number) for number in range(count)]
    gevent.joinall(greenlets)
    print(json.dumps([greenlet.get() for greenlet in greenlets]))
"""


@pytest.fixture
def visit():
    """Run greenlets that send to a peer; gives what each one got."""

    def run(peer, *, count=1, require=False, short=()):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                textwrap.dedent(PROGRAM),
                json.dumps([peer.port, count, require, short]),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("encrypted", [True, False])
def test_many_greenlets_send_at_once(visit, tls_for, encrypted):
    with Peer(tls=tls_for("mx.peer.test") if encrypted else None) as peer:
        assert visit(peer, count=20, require=encrypted) == ["250 2.0.0 queued as 7"] * 20
        assert len(peer.contents) == 20


def test_a_slow_host_holds_up_its_own_greenlet_only(visit):
    """All of them wait for the same slow banner at the same time."""
    with Peer({"BANNER": split(b"220 " + b"slow " * 20 + b"\r\n")}) as peer:
        assert visit(peer, count=20) == ["250 2.0.0 queued as 7"] * 20


@pytest.mark.parametrize("fault", [hang, drip()], ids=["hang", "drip"])
def test_deadlines_hold_for_greenlets_too(visit, fault):
    with Peer({"BANNER": fault}) as peer:
        assert (
            visit(peer, count=3, short=["banner"])
            == ["421 4.4.2 Timed out: the host did not answer in time"] * 3
        )


def test_a_crawling_handshake_ends_at_its_deadline(visit):
    def crawl(talk):
        talk.say(b"220 go ahead\r\n")
        talk.read()
        drip(b"\x16\x03\x03\x00\x80\x02\x00\x00\x7c" + b"\x03" * 1000)(talk)

    with Peer({"STARTTLS": crawl}, offers=["STARTTLS"]) as peer:
        assert visit(peer, require=True, short=["starttls"]) == [
            "421 4.4.2 Timed out: the host did not answer in time"
        ]
