"""CRAM-MD5 and XOAUTH2, hosts that want to know more than they should, and logins one after the other."""

import hmac
import json
import threading
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic

import pytest

from connectors.profiles import Credentials, OAuthClient, SmartHostAuth
from tests.support.policy_server import PolicyServer, answer
from tests.support.smtp_peer import drip, endless, hang
from transport.envelope import Stage
from transport.oauth import TokenSource
from transport.smtp.client import SessionFailed
from transport.smtp.logins import Login, LoginTurn

PASSWORD = "CANARY-7f3a"
LOGIN = Credentials(username="relay@contoso.test", password=PASSWORD)
CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
ENCODED = b64encode(CHALLENGE)
TOKEN = "ya29.CANARY-token"


@pytest.fixture
def basic(new_client, dialogue):
    """Build clients that sign in with a password and keep a protocol log."""
    return lambda **options: new_client(
        auth=SmartHostAuth.BASIC, credentials=LOGIN, log=dialogue.note, **options
    )


@pytest.fixture
def failing(host_of):
    """Connect, fail, and give the reply."""

    def connect(peer, client, **options):
        with pytest.raises(SessionFailed) as raised:
            client.connect(host_of(peer), **options)
        assert PASSWORD not in repr(raised.value)
        assert TOKEN not in repr(raised.value)
        assert not client.open
        return raised.value.reply

    return connect


def challenge(said=ENCODED, *, verdict=b"235 2.7.0 welcome\r\n"):
    """A host that does CRAM-MD5."""

    def act(talk):
        talk.say(b"334 " + said + b"\r\n")
        talk.response = talk.read_line()
        talk.say(verdict)

    return act


def signs(talk, *, password=PASSWORD):
    """Whether the response proves the password (RFC 2195 section 2)."""
    username, _, digest = b64decode(talk.response).decode().rpartition(" ")
    wanted = hmac.digest(password.encode(), CHALLENGE, "md5").hex()
    return (username, digest) == (LOGIN.username, wanted)


def test_the_example_of_rfc_2195(peer_for, host_of, new_client):
    peer = peer_for({"AUTH": challenge()}, offers=["AUTH CRAM-MD5"])
    tim = Credentials(username="tim", password="tanstaaftanstaaf")
    new_client(auth=SmartHostAuth.BASIC, credentials=tim).connect(host_of(peer))

    assert peer.talk.response == "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"


def test_the_password_does_not_travel_in_the_clear_where_the_host_can_do_better(connected, basic, dialogue):
    peer, client = connected({"AUTH": challenge()}, offers=["AUTH PLAIN LOGIN CRAM-MD5"], client=basic())

    assert client.open
    assert signs(peer.talk)
    assert peer.talk.commands[1:] == ["AUTH CRAM-MD5"]
    assert PASSWORD.encode() not in peer.talk.received
    assert peer.talk.response not in repr(dialogue)


def test_cram_md5_is_used_inside_tls_where_there_is_nothing_else(connected, basic, tls_for):
    peer, client = connected(
        {"AUTH": challenge()}, offers=["AUTH CRAM-MD5"], tls=tls_for("mx.peer.test"), client=basic()
    )

    assert client.open
    assert signs(peer.talk)


@pytest.mark.parametrize("said", [b"!!!", b"=", b"\xff\xfe", b"QUJD QUJD", b"A" * 3000])
def test_a_challenge_that_is_none_ends_the_login_without_a_secret(peer_for, basic, failing, dialogue, said):
    peer = peer_for({"AUTH": challenge(said, verdict=b"501 5.7.0 cancelled\r\n")}, offers=["AUTH CRAM-MD5"])
    reply = failing(peer, basic())

    assert (reply.stage, reply.remote, reply.refuses_login) == (Stage.AUTH, False, False)
    assert getattr(peer.talk, "response", "*") == "*"
    assert PASSWORD not in repr(dialogue)


def asking_for_ever(talk):
    """Say 334 to whatever comes."""
    talk.say(b"334 VXNlcm5hbWU6\r\n")
    while True:
        talk.commands.append(talk.read_line())
        talk.say(b"334 VXNlcm5hbWU6\r\n")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize(
    "act", [asking_for_ever, hang, endless(b"334-and on\r\n"), drip(b"334-" + b"x" * 5000)]
)
def test_a_host_that_never_comes_to_an_end_gets_little_and_is_left(  # noqa: PLR0913, PLR0917 - its tools
    peer_for, basic, failing, timeouts, mechanism, act
):
    peer = peer_for({"AUTH": act}, offers=[f"AUTH {mechanism}"])
    started = monotonic()
    reply = failing(peer, basic(timeouts=timeouts(auth=timedelta(seconds=0.3))))

    assert monotonic() - started < 5
    assert (reply.code // 100, reply.remote) == (4, False)
    assert len(peer.talk.commands) <= 6


@pytest.mark.parametrize(
    "garbage",
    [
        f"{PASSWORD}\r\n".encode(),
        b64encode(PASSWORD.encode()) + b"\r\n",
        f"999 {PASSWORD}\r\n".encode(),
        f"535-{PASSWORD}\r\n235 ok\r\n".encode(),
    ],
)
def test_no_nonsense_that_repeats_the_password_is_kept(peer_for, basic, failing, dialogue, garbage):
    reply = failing(peer_for({"AUTH": garbage}, offers=["AUTH PLAIN"]), basic())

    for secret in (PASSWORD, b64encode(PASSWORD.encode()).decode()):
        assert secret not in reply.line
        assert secret not in repr(dialogue)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_host_that_repeats_the_password_later_does_not_make_us_store_it(
    connected, basic, message, dialogue, verb
):
    script = {"AUTH": "235 ok", verb: f"451 4.3.0 I know that it is {PASSWORD}"}
    _, client = connected(script, offers=["AUTH PLAIN"], client=basic())
    result = client.send(message())

    assert result.replies[0][1].text == "I know that it is *****"
    assert PASSWORD not in repr(dialogue)


# XOAUTH2


@pytest.fixture
def issuer(tls_for):
    """A token issuer on loopback; `issuer.answer` is what it says."""
    given = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode()
    with PolicyServer(tls_for("localhost"), answer=answer(given, kind="application/json")) as server:
        yield server


@pytest.fixture
def with_token(new_client, dialogue, issuer, ca_file):
    """Build clients that sign in with a token of the issuer."""
    client = OAuthClient(token_url=f"https://localhost:{issuer.port}/token", client_id="ours", scope="send")
    source = TokenSource(client, PASSWORD, ca_file=ca_file)

    def build(**options):
        return new_client(
            auth=SmartHostAuth.XOAUTH2,
            credentials=LOGIN,
            tokens=source,
            log=dialogue.note,
            ca_file=ca_file,
            **options,
        )

    return build


@pytest.fixture
def provider(peer_for, tls_for):
    """A smart host that takes tokens."""
    return lambda *acts: peer_for(
        {"AUTH": list(acts) or "235 2.7.0 welcome"},
        offers=["AUTH PLAIN XOAUTH2"],
        tls=tls_for("smtp.provider.test"),
    )


def tokens_sent(peer):
    sent = [line for talk in peer.talks for line in talk.commands if line.startswith("AUTH ")]
    return [b64decode(line.split(" ")[2]).decode() for line in sent]


def refusing(talk):
    """Say why in a challenge, and refuse after an empty answer, as Google and Microsoft do."""
    talk.say(b"334 " + b64encode(b'{"status":"400","schemes":"Bearer"}') + b"\r\n")
    talk.answer = talk.read_line()
    talk.say(b"535 5.7.3 Authentication unsuccessful\r\n")


def connect(client, host):
    client.connect(host, tls_name="smtp.provider.test")
    return client


def test_a_token_signs_in_and_is_in_no_log(provider, host_of, with_token, dialogue):
    peer = provider()
    client = connect(with_token(), host_of(peer))

    assert client.open
    assert tokens_sent(peer) == [f"user=relay@contoso.test\x01auth=Bearer {TOKEN}\x01\x01"]
    assert [line[:12] for line in peer.talk.clear_commands] == ["EHLO e15mb1.", "STARTTLS"]
    encoded = peer.talk.commands[-1].split(" ")[2]
    for secret in (TOKEN, encoded, PASSWORD):
        assert secret not in repr(dialogue) + repr(client)


def test_a_token_is_fetched_once_for_many_sessions(provider, host_of, with_token, issuer):
    peer = provider()
    for _ in range(3):
        connect(with_token(), host_of(peer)).quit()

    assert len(issuer.requests) == 1
    assert len(tokens_sent(peer)) == 3


def test_a_token_that_the_host_refuses_is_replaced_once_by_a_new_one(provider, host_of, with_token, issuer):
    peer = provider("235 ok", refusing, "235 ok")
    connect(with_token(), host_of(peer)).quit()
    issuer.answer = answer(b'{"access_token": "second", "token_type": "bearer"}', kind="application/json")
    client = connect(with_token(), host_of(peer))

    assert client.open
    assert peer.talk.answer == ""
    assert len(issuer.requests) == 2
    assert tokens_sent(peer)[1:] == [
        f"user=relay@contoso.test\x01auth=Bearer {TOKEN}\x01\x01",
        "user=relay@contoso.test\x01auth=Bearer second\x01\x01",
    ]


def test_a_new_token_that_is_refused_is_not_asked_for_again(provider, failing, with_token, issuer):
    peer = provider(refusing)
    reply = failing(peer, with_token(), tls_name="smtp.provider.test")

    assert (reply.line, reply.refuses_login) == ("535 5.7.3 Authentication unsuccessful", True)
    assert len(issuer.requests) == len(tokens_sent(peer)) == 1


def test_a_client_that_the_issuer_refuses_is_a_refused_login(provider, failing, with_token, issuer):
    said = json.dumps({"error": "invalid_client", "error_description": f"secret {PASSWORD} is wrong"})
    issuer.answer = answer(said.encode(), status="401 Unauthorized", kind="application/json")
    peer = provider()
    reply = failing(peer, with_token(), tls_name="smtp.provider.test")

    assert reply.refuses_login
    assert reply.text == (
        "The token issuer localhost refuses the client (status 401, invalid_client: secret ***** is wrong)"
    )
    assert tokens_sent(peer) == []


@pytest.mark.parametrize("status", ["500 Oops", "429 Slow Down", "302 Found", "404 Not Found"])
def test_an_issuer_that_has_no_token_now_is_no_refused_login(provider, failing, with_token, issuer, status):
    issuer.answer = answer(b"", status=status, extra="Location: https://evil.test/\r\n")
    reply = failing(provider(), with_token(), tls_name="smtp.provider.test")

    assert (reply.code, reply.stage, reply.refuses_login) == (454, Stage.AUTH, False)
    assert f"gives no token (status {status[:3]})" in reply.text
    assert len(issuer.requests) == 1


def test_no_token_goes_to_a_host_that_did_not_prove_its_name(peer_for, failing, with_token, tls_for, issuer):
    peer = peer_for(offers=["AUTH XOAUTH2"], tls=tls_for("mx.evil.test"))

    assert failing(peer, with_token(), tls_name="smtp.provider.test").stage == Stage.STARTTLS
    in_the_clear = peer_for(offers=["AUTH XOAUTH2"])
    assert failing(in_the_clear, with_token(), tls_name="smtp.provider.test").stage == Stage.STARTTLS
    assert issuer.requests == []
    assert tokens_sent(peer) == tokens_sent(in_the_clear) == []


def test_a_host_that_takes_no_tokens_is_told_clearly(peer_for, failing, with_token, tls_for):
    peer = peer_for(offers=["AUTH PLAIN LOGIN"], tls=tls_for("smtp.provider.test"))
    reply = failing(peer, with_token(), tls_name="smtp.provider.test")

    assert reply.text == "The smart host offers none of AUTH XOAUTH2, only LOGIN, PLAIN"
    assert not any(line.startswith("AUTH") for line in peer.talk.commands)


# One after the other


def sign_in_all(clients, host):
    """Sign all in at one moment; gives the replies of those that were refused."""
    together = threading.Barrier(len(clients))

    def run(client):
        together.wait()
        try:
            client.connect(host)
        except SessionFailed as failed:
            return failed.reply
        return None

    with ThreadPoolExecutor(len(clients)) as pool:
        return [reply for reply in pool.map(run, clients) if reply is not None]


def test_of_twenty_sessions_with_a_wrong_password_one_asks(peer_for, host_of, new_client):
    peer = peer_for({"AUTH": "535 5.7.8 wrong"}, offers=["AUTH PLAIN"])
    turn, since = LoginTurn(), monotonic()
    logins = [Login(auth=SmartHostAuth.BASIC, credentials=LOGIN, turn=turn, since=since) for _ in range(20)]
    replies = sign_in_all([new_client(login=login) for login in logins], host_of(peer))

    assert sum(line.startswith("AUTH") for talk in peer.talks for line in talk.commands) == 1
    assert len(replies) == 20
    assert all(reply.refuses_login for reply in replies)
    assert sorted({reply.remote for reply in replies}) == [False, True]


def test_a_session_that_begins_later_asks_itself(peer_for, host_of, new_client):
    peer = peer_for({"AUTH": ["535 5.7.8 wrong", "235 ok"]}, offers=["AUTH PLAIN"])
    turn = LoginTurn()
    first = Login(auth=SmartHostAuth.BASIC, credentials=LOGIN, turn=turn)
    assert len(sign_in_all([new_client(login=first)], host_of(peer))) == 1

    later = Login(auth=SmartHostAuth.BASIC, credentials=LOGIN, turn=turn, since=monotonic() + 60)
    turn._refused_at -= 60  # a minute passes
    assert sign_in_all([new_client(login=later)], host_of(peer)) == []


def test_sessions_with_the_right_password_all_get_in(peer_for, host_of, new_client):
    peer = peer_for({"AUTH": "235 ok"}, offers=["AUTH PLAIN"])
    turn = LoginTurn()
    logins = [Login(auth=SmartHostAuth.BASIC, credentials=LOGIN, turn=turn) for _ in range(20)]

    assert sign_in_all([new_client(login=login) for login in logins], host_of(peer)) == []
    assert sum(line.startswith("AUTH") for talk in peer.talks for line in talk.commands) == 20
