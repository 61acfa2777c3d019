import socket
import threading
from datetime import timedelta

import pytest

from tests.support.smtp_peer import Hangup, close, drip, endless, hang, split
from transport.envelope import Host, Stage
from transport.smtp.client import Client, SessionFailed

SHORT = timedelta(seconds=0.25)


def reason(client, host):
    with pytest.raises(SessionFailed) as raised:
        client.connect(host)
    assert not client.open
    return raised.value.reply


@pytest.fixture
def failing(peer_for, new_client, host_of):
    """Connect to a scripted peer that fails; gives the reply."""

    def connect(script, **options):
        return reason(new_client(**options), host_of(peer_for(script)))

    return connect


def test_it_greets_with_its_name_and_learns_what_the_host_offers(connected):
    peer, client = connected(offers=["PIPELINING", "SIZE 1000"])

    assert peer.talk.commands == ["EHLO e15mb1.admincenter.test"]
    assert client.open
    assert client.extensions.pipelining
    assert client.extensions.size_limit_bytes == 1000


def test_it_dials_ipv6(connected):
    peer, client = connected(address="::1")

    assert client.open
    assert len(peer.talks) == 1


def test_it_falls_back_to_helo_when_ehlo_is_unknown(connected):
    peer, client = connected({"EHLO": "502 5.5.1 what?"})

    assert peer.talk.commands == ["EHLO e15mb1.admincenter.test", "HELO e15mb1.admincenter.test"]
    assert client.open
    assert not client.extensions.pipelining


def test_it_does_not_fall_back_when_the_host_only_has_no_time(peer_for, new_client, host_of):
    peer = peer_for({"EHLO": "450 4.3.2 later"})

    reply = reason(new_client(), host_of(peer))

    assert (reply.stage, reply.line, reply.remote) == (Stage.EHLO, "450 4.3.2 later", True)
    assert peer.talk.commands[1:] == ["QUIT"]


def test_the_reply_names_the_host_and_the_address(peer_for, new_client, host_of):
    peer = peer_for({"BANNER": "554 5.7.1 you are listed"})

    reply = reason(new_client(), host_of(peer))

    assert (reply.stage, reply.line) == (Stage.BANNER, "554 5.7.1 you are listed")
    assert (reply.host, reply.address) == ("mx.peer.test", f"127.0.0.1:{peer.port}")


def test_a_refused_connection_is_a_reply(new_client):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    reply = reason(new_client(), Host(name="mx", address="127.0.0.1", port=port))

    assert (reply.stage, reply.line, reply.remote) == (Stage.CONNECT, "421 4.4.1 Connection refused", False)
    assert reply.address == f"127.0.0.1:{port}"


def test_an_ipv6_address_is_shown_in_brackets(new_client):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]

    assert reason(new_client(), Host(name="mx", address="::1", port=port)).address == f"[::1]:{port}"


def test_a_host_that_does_not_answer_the_dialling_is_a_reply(new_client, timeouts):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first:
        # The one place in the line of waiting connections is taken: no further SYN is answered.
        first.connect(full.getsockname())
        second = [socket.socket() for _ in range(3)]
        for waiting in second:
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        host = Host(name="mx", address="127.0.0.1", port=full.getsockname()[1])

        reply = reason(new_client(timeouts=timeouts(connect=SHORT)), host)

        for waiting in second:
            waiting.close()
    assert (reply.stage, reply.line) == (Stage.CONNECT, "421 4.4.1 Connection timed out")


@pytest.mark.parametrize("address", ["256.1.1.1", "not an address", ""])
def test_an_address_that_is_none_is_a_reply_too(new_client, address):
    reply = reason(new_client(), Host(name="mx", address=address, port=25))

    assert (reply.stage, reply.code, reply.remote) == (Stage.CONNECT, 421, False)


@pytest.mark.parametrize(
    ("stage", "script"),
    [
        ("banner", {"BANNER": drip()}),
        ("banner", {"BANNER": drip(b"220-slow line\r\n" * 3000, seconds=0.01)}),
        ("ehlo", {"EHLO": drip()}),
    ],
)
def test_a_trickle_of_bytes_extends_no_stage(failing, timeouts, stage, script):
    reply = failing(script, timeouts=timeouts(**{stage: SHORT}))

    assert reply.line == "421 4.4.2 Timed out: the host did not answer in time"
    assert reply.stage == stage.upper()


def test_a_session_that_takes_too_long_ends_although_every_stage_is_in_time(
    peer_for, new_client, host_of, timeouts
):
    slow = drip(b"220 ready\r\n", seconds=0.01)
    peer = peer_for({"BANNER": slow, "EHLO": hang})

    reply = reason(new_client(timeouts=timeouts(session=timedelta(seconds=0.8))), host_of(peer))

    assert reply.line == "421 4.4.2 Timed out: the session took longer than it may"
    assert reply.stage == Stage.EHLO


def test_a_banner_in_many_packets_is_read(connected):
    _, client = connected({"BANNER": split(b"220-peer.test\r\n220 ESMTP ready\r\n")})

    assert client.open


@pytest.mark.parametrize(
    ("script", "stage"),
    [
        ({"BANNER": b"220 one\r\n220 two\r\n"}, Stage.EHLO),
        ({"BANNER": "354 go on"}, Stage.BANNER),
        ({"EHLO": "334 go on"}, Stage.EHLO),
    ],
)
def test_a_host_that_speaks_out_of_turn_is_left(failing, stage, script):
    reply = failing(script)

    assert (reply.stage, reply.code, reply.enhanced, reply.remote) == (stage, 421, "4.5.0", False)


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"-ERR unknown command\r\n", b"\0\0\0\x12", hang, close]
)
def test_what_is_no_smtp_server_hears_nothing_from_us(peer_for, new_client, host_of, timeouts, banner):
    """A smart host that is somebody's Redis or SSH gets no command of ours: we speak after its greeting."""
    peer = peer_for({"BANNER": banner})

    reply = reason(new_client(timeouts=timeouts(banner=SHORT)), host_of(peer))
    peer.stopping.set()
    peer.threads[-1].join(10)

    assert (reply.stage, reply.code) == (Stage.BANNER, 421)
    assert peer.talk.received == b""


def test_an_endless_banner_does_not_fill_the_memory(peer_for, new_client, host_of):
    peer = peer_for({"BANNER": endless()})

    reply = reason(new_client(), host_of(peer))

    assert reply.line == "421 4.5.0 Protocol error: a reply has more than 100 lines"


def test_an_endless_line_does_not_fill_the_memory(peer_for, new_client, host_of):
    peer = peer_for({"BANNER": endless(b"2" + b"2" * 70_000)})

    reply = reason(new_client(), host_of(peer))

    assert reply.code == 421
    assert reply.enhanced == "4.5.0"
    assert len(reply.text) < 200


def test_quit_waits_shortly_and_never_raises(connected, timeouts, new_client):
    peer, client = connected({"QUIT": hang}, client=new_client(timeouts=timeouts(quit=SHORT)))

    client.quit()
    client.quit()

    assert not client.open
    assert peer.talk.commands[-1] == "QUIT"


def test_quit_does_not_mind_a_host_that_is_gone(connected):
    peer, client = connected()
    peer.talk.close()

    client.quit()

    assert not client.open


def test_a_client_can_connect_to_the_next_host_after_a_failure(peer_for, new_client, host_of):
    client = new_client()
    reason(client, host_of(peer_for({"BANNER": "421 4.3.2 busy"})))

    client.connect(host_of(peer_for()))

    assert client.open


def test_to_connect_anew_ends_the_session_before(peer_for, new_client, host_of):
    first, second, client = peer_for(), peer_for(), new_client()
    client.connect(host_of(first))

    client.connect(host_of(second))

    assert first.talk.commands[-1] == "QUIT"
    assert client.open


def test_an_ehlo_name_that_is_no_name_is_refused_at_once():
    with pytest.raises(ValueError, match="must be an FQDN"):
        Client(ehlo_name="a\r\nMAIL FROM:<>")


def test_sending_needs_a_session(new_client, message):
    with pytest.raises(RuntimeError, match=r"call connect\(\) first"):
        new_client().send(message())


def test_a_killed_connect_leaves_no_open_socket(peer_for, new_client, host_of):
    class Killed(BaseException):
        pass

    seen = threading.Event()

    def watch(talk):
        try:
            talk.read()
        except Hangup:
            seen.set()
            raise

    def kill(event, *_):
        if event == "+":
            raise Killed

    peer = peer_for({"BANNER": watch})
    client = new_client(log=kill)

    with pytest.raises(Killed):
        client.connect(host_of(peer))

    assert seen.wait(20)


def test_the_protocol_log_tells_the_whole_dialogue(connected, new_client, dialogue, message):
    _, client = connected(
        {"RCPT": "250-2.1.5 he\r\n250 2.1.5 lives here"},
        offers=["PIPELINING"],
        client=new_client(log=dialogue.note),
    )
    client.send(message(b"Subject: secret plans\r\n\r\nSecret.\r\n"))
    client.quit()

    local = dialogue[2][1]
    assert local.startswith("127.0.0.1:")
    assert dialogue == [
        ("*", "Set Session Permissions", "None"),
        ("*", "attempting to connect", "mx.peer.test"),
        ("+", local),
        ("<", "220 peer.test ESMTP"),
        (">", "EHLO e15mb1.admincenter.test"),
        ("<", "250-peer.test greets you"),
        ("<", "250 PIPELINING"),
        ("*", "TLS policy: opportunistic"),
        ("*", "sending message with RecordId 42 and InternetMessageId <1@contoso.test>", "42"),
        (">", "MAIL FROM:<anna@contoso.test>"),
        (">", "RCPT TO:<bob@peer.test>"),
        (">", "DATA"),
        ("<", "250 2.1.0 ok"),
        ("<", "250-2.1.5 he"),
        ("<", "250 2.1.5 lives here"),
        ("<", "354 end with a dot"),
        ("<", "250 2.0.0 queued as 7"),
        (">", "QUIT"),
        ("<", "221 bye"),
        ("-", "Local"),
    ]


def test_the_log_of_a_refused_connection_says_so(new_client, dialogue):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    reason(new_client(log=dialogue.note), Host(name="mx", address="127.0.0.1", port=port))

    assert dialogue[1:] == [("*", "attempting to connect", "mx"), ("*", "Connection refused")]
