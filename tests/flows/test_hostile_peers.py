"""Receiving servers that misbehave: one delivery, a true reason in the queue, no stuck worker.

swaks ──▶ program ──▶ scripted peer (garbage, endless banner, silence)
                  └──▶ a good server, meanwhile
"""

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support import smtp_peer
from tests.support.smtp_peer import Peer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow


def smart_host(program, name: str, *, space: str, port: int) -> None:
    ems(
        program,
        f'New-SendConnector -Name "{name}" -AddressSpaces {space} -DNSRoutingEnabled $false'
        f" -SmartHosts 127.0.0.1 -Port {port}",
    )


def messages(program, condition: str = "Size -gt 0") -> list[dict]:
    return ems_rows(program, f'Get-Message -Filter "{condition}"')


def test_garbage_in_the_final_reply_is_one_delivery(program, swaks):
    with Peer({smtp_peer.DOT: b"250 ok\x00\xff\x1b[31m<script>alert(1)</script>\r\n"}) as peer:
        smart_host(program, "Odd", space="fabrikam.test", port=peer.port)
        swaks("bob@fabrikam.test")
        wait_until(lambda: peer.contents, what="the peer has the message")
        wait_until(lambda: not messages(program), what="the message left the queue")

        assert len(peer.contents) == 1


def test_a_peer_with_an_endless_banner_holds_up_nobody_else(program, receiver, swaks):
    with Peer({smtp_peer.BANNER: smtp_peer.endless()}) as peer:
        smart_host(program, "Endless", space="fabrikam.test", port=peer.port)
        smart_host(program, "Good", space="adatum.test", port=receiver.port)
        swaks("bob@fabrikam.test", "eva@adatum.test")
        wait_until(lambda: receiver.to("eva@adatum.test"), what="the good server gets its copy")
        stuck = wait_until(
            lambda: messages(program, "Status -eq 'Retry'"), what="the other copy waits in Retry"
        )[0]

    assert stuck["RetryCount"] >= 1
    assert "Protocol error" in stuck["LastError"]


def test_a_peer_that_greylists_gets_the_message_when_it_is_retried(program, swaks):
    script = {"RCPT": ["451 4.7.1 <b>Greylisted</b>, come back", "250 2.1.5 ok"]}
    with Peer(script) as peer:
        smart_host(program, "Shy", space="fabrikam.test", port=peer.port)
        swaks("bob@fabrikam.test")
        waiting = wait_until(lambda: messages(program, "Status -eq 'Retry'"), what="it waits")[0]
        assert waiting["LastError"] == "451 4.7.1 <b>Greylisted</b>, come back"
        ems(program, f"Retry-Queue {waiting['Queue']}")
        wait_until(lambda: peer.contents, what="the retry delivers", seconds=5)


def test_a_refused_recipient_gets_a_report_and_the_others_get_the_mail(program, receiver, swaks):
    script = {"RCPT": ["250 2.1.5 ok", "550 5.1.1 No such user <script>", "250 2.1.5 ok"]}
    with Peer(script) as peer:
        smart_host(program, "Strict", space="fabrikam.test", port=peer.port)
        smart_host(program, "Home", space="contoso.test", port=receiver.port)
        swaks("anna@fabrikam.test", "nobody@fabrikam.test", "carl@fabrikam.test")
        report = wait_until(lambda: receiver.to("anna@contoso.test"), what="the report arrives")[0]

        assert len(peer.contents) == 1
    assert b"nobody@fabrikam.test" in report.content
    assert report.content.count(b"Final-Recipient: ") == 1
