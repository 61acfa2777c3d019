from base64 import b64decode, b64encode

import pytest

from connectors.profiles import Credentials, SmartHostAuth
from tests.support.smtp_peer import close
from transport.envelope import Stage
from transport.smtp.client import SessionFailed

PASSWORD = "CANARY-7f3a"
LOGIN = Credentials(username="relay@contoso.test", password=PASSWORD)
USERNAME, SECRET = (b64encode(text.encode()).decode() for text in (LOGIN.username, PASSWORD))


@pytest.fixture
def basic(new_client, dialogue):
    """Build clients that log in and keep a protocol log."""

    def build(credentials=LOGIN, **options):
        return new_client(
            auth=options.pop("auth", SmartHostAuth.BASIC),
            credentials=credentials,
            log=dialogue.note,
            **options,
        )

    return build


@pytest.fixture
def refused(peer_for, host_of, basic):
    """Fail to log in; gives peer and reply."""

    def connect(script=None, *, offers=("AUTH PLAIN",), **options):
        peer = peer_for(script, offers=offers)
        with pytest.raises(SessionFailed) as raised:
            basic(**options).connect(host_of(peer))
        assert PASSWORD not in repr(raised.value)
        assert raised.value.reply.stage == Stage.AUTH
        return peer, raised.value.reply

    return connect


def login_peer(talk):
    talk.say(b"334 VXNlcm5hbWU6\r\n")
    talk.name = talk.read_line()
    talk.say(b"334 UGFzc3dvcmQ6\r\n")
    talk.password = talk.read_line()
    talk.say(b"235 2.7.0 welcome\r\n")


def no_secret_in(text):
    plain = b64encode(b"\0" + LOGIN.username.encode() + b"\0" + PASSWORD.encode()).decode()
    return not any(secret in text for secret in (PASSWORD, SECRET, plain))


def test_plain_is_preferred_where_the_password_is_encrypted_anyway(connected, basic, tls_for):
    offers = ["AUTH LOGIN PLAIN CRAM-MD5"]
    peer, client = connected({"AUTH": "235 ok"}, offers=offers, tls=tls_for("mx.peer.test"), client=basic())

    assert peer.talk.commands[-1].startswith("AUTH PLAIN ")
    assert client.open


def test_plain_is_preferred_to_login(connected, basic):
    peer, client = connected({"AUTH": "235 ok"}, offers=["AUTH LOGIN PLAIN"], client=basic())

    verb, mechanism, response = peer.talk.commands[-1].split(" ")
    assert (verb, mechanism) == ("AUTH", "PLAIN")
    assert b64decode(response) == b"\0relay@contoso.test\0" + PASSWORD.encode()
    assert client.open


@pytest.mark.parametrize("offer", ["AUTH LOGIN", "AUTH=LOGIN", "auth digest-md5 login"])
def test_login_is_used_where_plain_is_not_offered(connected, basic, offer):
    peer, client = connected({"AUTH": login_peer}, offers=[offer], client=basic())

    assert (peer.talk.name, peer.talk.password) == (USERNAME, SECRET)
    assert client.open


def test_names_and_passwords_are_utf_8(connected, basic):
    peer, _ = connected(
        {"AUTH": "235 ok"},
        offers=["AUTH PLAIN"],
        client=basic(Credentials(username="jörg", password="pässwörd")),
    )

    assert b64decode(peer.talk.commands[-1].split(" ")[2]) == "\0jörg\0pässwörd".encode()


@pytest.mark.parametrize("mechanism", [SmartHostAuth.NONE, SmartHostAuth.EXTERNAL])
def test_no_login_where_none_is_wanted(connected, basic, mechanism, message):
    peer, client = connected(offers=["AUTH PLAIN"], client=basic(auth=mechanism))

    assert client.send(message()).replies[0][1].code == 250
    assert not [line for line in peer.talk.commands if line.startswith("AUTH")]


@pytest.mark.parametrize(
    ("said", "remote"),
    [
        ("535 5.7.8 authentication credentials invalid", True),
        ("454 4.7.0 temporary authentication failure", True),
        ("534 5.7.9 mechanism too weak", True),
        ("530 5.7.0 must issue STARTTLS first", True),
        ("421 4.7.0 too many attempts", True),
    ],
)
def test_a_refusal_keeps_what_the_host_said(refused, said, remote):
    peer, reply = refused({"AUTH": said})

    assert (reply.line, reply.remote) == (said, remote)
    assert not [line for line in peer.talk.commands if line.startswith("MAIL")]


@pytest.mark.parametrize("at", [0, 1])
def test_a_refusal_in_the_middle_of_login_keeps_what_the_host_said(refused, at):
    def act(talk):
        for _ in range(at):
            talk.say(b"334 go on\r\n")
            talk.read_line()
        talk.say(b"535 5.7.8 no\r\n")

    _, reply = refused({"AUTH": act}, offers=["AUTH LOGIN"])

    assert (reply.line, reply.remote) == ("535 5.7.8 no", True)


@pytest.mark.parametrize(
    ("offers", "text"),
    [
        ([], "The smart host does not offer AUTH"),
        (
            ["AUTH DIGEST-MD5 XOAUTH2"],
            "The smart host offers none of AUTH PLAIN, LOGIN and CRAM-MD5, only DIGEST-MD5, XOAUTH2",
        ),
    ],
)
def test_a_host_without_a_usable_mechanism_is_told_clearly(refused, offers, text):
    peer, reply = refused(offers=offers)

    assert (reply.text, reply.remote) == (text, False)
    assert peer.talk.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    "credentials",
    [None, Credentials(username="a\0b", password="c"), Credentials(username="a", password="\0")],
)
def test_credentials_that_cannot_be_used_are_a_reply(refused, credentials):
    peer, reply = refused(credentials=credentials)

    assert reply.remote is False
    assert not [line for line in peer.talk.commands if line.startswith("AUTH")]


@pytest.mark.parametrize("password", ["\ud800", ""])
def test_an_odd_password_is_for_the_host_to_refuse(refused, password):
    _, reply = refused({"AUTH": "535 5.7.8 no"}, credentials=Credentials(username="", password=password))

    assert reply.line == "535 5.7.8 no"


@pytest.mark.parametrize("fault", ["334 what?", b"\xff\r\n", close])
def test_nonsense_instead_of_an_answer_is_a_reply(refused, fault):
    _, reply = refused({"AUTH": fault})

    assert (reply.code, reply.remote) == (421, False)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_password_is_in_no_log_and_no_text(connected, basic, dialogue, mechanism):
    _, client = connected(
        {"AUTH": "235 ok" if mechanism == "PLAIN" else login_peer},
        offers=[f"AUTH {mechanism}"],
        client=basic(),
    )

    assert no_secret_in(repr(dialogue))
    assert no_secret_in(repr(client))
    assert any("*****" in text for event, text, *_ in dialogue if event == ">")


@pytest.mark.parametrize("shown", [PASSWORD, SECRET])
@pytest.mark.parametrize("padding", [0, 500])
def test_a_host_that_repeats_the_password_does_not_make_us_store_it(refused, dialogue, shown, padding):
    _, reply = refused({"AUTH": f"535 5.7.8 {'x' * padding}{shown} is wrong"})

    assert no_secret_in(reply.line)
    assert no_secret_in(repr(dialogue))
    assert shown[:6] not in reply.line
