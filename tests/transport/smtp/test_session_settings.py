"""How a connector wants its sessions held: HELO, source address, client certificate, time-outs."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from connectors.profiles import TlsPolicy
from tests.support.smtp_peer import close, drip, hang, reset
from transport import client_certificates
from transport.envelope import Stage
from transport.smtp.client import SessionFailed

SHORT = timedelta(seconds=0.3)
NOW = datetime.now(UTC)


def reason(client, host):
    started = monotonic()
    with pytest.raises(SessionFailed) as raised:
        client.connect(host)
    assert monotonic() - started < 5
    assert not client.open
    return raised.value.reply


def test_force_helo_never_says_ehlo(connected, new_client, message):
    peer, client = connected(client=new_client(force_helo=True))

    assert client.send(message()).replies[0][1].code == 250
    assert peer.talk.commands[0] == "HELO e15mb1.admincenter.test"
    assert not any(line.startswith("EHLO") for line in peer.talk.commands)
    assert "SIZE" not in " ".join(peer.talk.commands)


def test_a_helo_that_is_refused_is_a_reply(peer_for, host_of, new_client):
    reply = reason(new_client(force_helo=True), host_of(peer_for({"HELO": "504 5.5.2 who?"})))

    assert (reply.stage, reply.line) == (Stage.EHLO, "504 5.5.2 who?")


def test_a_host_that_knows_neither_is_a_reply(peer_for, host_of, new_client):
    peer = peer_for({"EHLO": "500 what", "HELO": "502 5.5.1 what"})

    assert reason(new_client(), host_of(peer)).line == "502 5.5.1 what"


def test_connections_leave_from_the_source_address(peer_for, host_of, new_client):
    came_from = []

    def remember(talk):
        came_from.append(talk.socket.getpeername()[0])
        talk.say(b"220 ready\r\n")

    client = new_client(source_address="127.0.0.77")
    client.connect(host_of(peer_for({"BANNER": remember})))

    assert came_from == ["127.0.0.77"]


def test_an_address_of_another_machine_makes_mail_wait_with_a_sentence(peer_for, host_of, new_client):
    peer = peer_for()
    reply = reason(new_client(source_address="192.0.2.77"), host_of(peer))

    assert (reply.stage, reply.code, reply.remote) == (Stage.CONNECT, 421, False)
    assert reply.text == (
        "Cannot connect from SourceIPAddress 192.0.2.77: it is not an address of this machine. "
        "Correct the send connector"
    )
    assert peer.talks == []


@pytest.fixture
def impatient(new_client, timeouts):
    """Build clients that wait for one stage shortly, and for the others long."""
    return lambda stage, **options: new_client(timeouts=timeouts(**{stage.lower(): SHORT}), **options)


def _hang_inside_tls(talk):
    """Take STARTTLS, then never shake hands."""
    talk.say(b"220 go ahead\r\n")
    hang(talk)


@pytest.mark.parametrize(
    "case",
    [
        (Stage.BANNER, {"BANNER": hang}, TlsPolicy()),
        (Stage.BANNER, {"BANNER": drip()}, TlsPolicy()),
        (Stage.EHLO, {"EHLO": hang}, TlsPolicy()),
        (Stage.EHLO, {"EHLO": "500 what", "HELO": hang}, TlsPolicy()),
        (Stage.STARTTLS, {"STARTTLS": hang}, TlsPolicy(require=True)),
        (Stage.STARTTLS, {"STARTTLS": _hang_inside_tls}, TlsPolicy(require=True)),
    ],
)
def test_the_time_out_of_a_stage_ends_a_session_that_hangs_there(peer_for, host_of, impatient, case):
    stage, script, policy = case
    peer = peer_for(script, offers=["STARTTLS"])
    reply = reason(impatient(stage, tls_policy=policy), host_of(peer))

    assert (reply.stage, reply.line) == (stage, "421 4.4.2 Timed out: the host did not answer in time")


@pytest.mark.parametrize(
    "case",
    [
        (Stage.MAIL, {"MAIL": hang}),
        (Stage.RCPT, {"RCPT": hang}),
        (Stage.DATA, {"DATA": hang}),
        (Stage.DOT, {"DOT": hang}),
    ],
)
def test_the_time_out_of_a_stage_ends_a_message_that_hangs_there(connected, impatient, message, case):
    stage, script = case
    _, client = connected(script, client=impatient(stage), offers=())
    started = monotonic()
    result = client.send(message())

    assert monotonic() - started < 5
    assert (result.replies[0][1].stage, result.replies[0][1].line) == (
        stage,
        "421 4.4.2 Timed out: the host did not answer in time",
    )
    assert result.in_doubt == (stage is Stage.DOT)
    assert not client.open


def test_a_host_that_takes_no_content_ends_at_the_time_out_of_a_block(
    connected, new_client, timeouts, message
):
    def stop_reading(talk):
        talk.say(b"354 go on\r\n")
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        hang(talk)

    _, client = connected(
        {"DATA": stop_reading}, client=new_client(timeouts=timeouts(block=SHORT)), offers=()
    )
    started = monotonic()
    result = client.send(message((b"x" * 98 + b"\r\n") * 400_000))

    assert monotonic() - started < 10
    assert result.replies[0][1].line == "421 4.4.2 Timed out: the host did not answer in time"
    assert not result.in_doubt


def test_a_host_that_ignores_quit_keeps_nobody(connected, new_client, timeouts):
    _, client = connected({"QUIT": hang}, client=new_client(timeouts=timeouts(quit=SHORT)))
    started = monotonic()
    client.quit()

    assert monotonic() - started < 5
    assert not client.open


def test_the_session_as_a_whole_has_an_end(connected, new_client, timeouts, message):
    _, client = connected({"DOT": hang}, client=new_client(timeouts=timeouts(session=SHORT)))

    assert client.send(message()).replies[0][1].line == (
        "421 4.4.2 Timed out: the session took longer than it may"
    )


# The client certificate


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "certificates"
    made.mkdir()
    return made


@pytest.fixture
def stored(authority, folder):
    """Write a certificate into the folder: `stored("relay", name="relay.contoso.test")`."""

    def write(file, *, name="relay.contoso.test", key_beside=False, ca=authority, **options):
        issued = ca.issue_cert(name, common_name=name, **options)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        private = issued.private_key_pem.bytes()
        (folder / f"{file}.pem").write_bytes(chain if key_beside else chain + private)
        if key_beside:
            (folder / f"{file}.key").write_bytes(private)
        return issued

    return write


@pytest.fixture
def showing(new_client, folder):
    """Build clients that show a certificate of the folder."""

    def build(name, *, now=NOW, **options):
        return new_client(certificate=lambda: client_certificates.find(folder, name, now=now), **options)

    return build


@pytest.fixture
def asking(tls_for, authority):
    """A server that lets nobody in without a certificate of the authority."""

    def build():
        context = tls_for("mx.peer.test")
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    return build


def common_name(peer):
    subject = dict(part[0] for part in peer.talk.socket.getpeercert()["subject"])
    return subject["commonName"]


@pytest.mark.parametrize("key_beside", [False, True])
def test_the_certificate_of_the_connector_is_shown(connected, showing, stored, asking, key_beside):
    stored("relay", key_beside=key_beside)
    peer, client = connected(tls=asking(), client=showing("relay"))

    assert client.open
    assert common_name(peer) == "relay.contoso.test"


def test_a_certificate_is_found_by_issuer_and_subject_and_a_renewed_one_is_preferred(
    connected, showing, stored, asking
):
    stored("old", not_after=NOW + timedelta(days=1))
    stored("other", name="other.contoso.test")
    renewed = stored("new", not_after=NOW + timedelta(days=100)).cert_chain_pems[0].bytes()
    parsed = x509.load_pem_x509_certificate(renewed)
    issuer, subject = parsed.issuer.rfc4514_string(), parsed.subject.rfc4514_string()
    name = f"<I>{issuer.upper()}<S>{subject.replace(',', ', ')}"
    peer, _ = connected(tls=asking(), client=showing(name))

    assert common_name(peer) == "relay.contoso.test"
    assert peer.talk.socket.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(renewed.decode())


def test_a_name_that_fits_no_certificate_holds_the_mail(peer_for, host_of, showing, stored, folder):
    stored("relay")
    (folder / "notes.pem").write_text("these are notes")

    assert "no certificate <I>CN=a<S>CN=b in" in held(showing("<I>CN=a<S>CN=b"), peer_for(), host_of)


def held(client, peer, host_of):
    reply = reason(client, host_of(peer))
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (454, "4.7.5", Stage.STARTTLS, False)
    assert peer.talks == []
    return reply.text


def test_a_missing_certificate_holds_the_mail(peer_for, host_of, showing):
    text = held(showing("relay"), peer_for(), host_of)

    assert text == "There is no certificate relay in the folder certificates of the data directory"


@pytest.mark.parametrize(
    "case",
    [
        ({"not_after": NOW - timedelta(days=1)}, "expired at"),
        ({"not_before": NOW + timedelta(days=1)}, "is not valid before"),
    ],
)
def test_a_certificate_that_is_not_valid_now_holds_the_mail(peer_for, host_of, showing, stored, case):
    dates, words = case
    stored("relay", **dates)

    assert words in held(showing("relay"), peer_for(), host_of)


@pytest.mark.parametrize("what", ["garbage", "no key", "another key", "a key with a password", "empty"])
def test_an_unusable_certificate_holds_the_mail(peer_for, host_of, showing, stored, folder, what):  # noqa: PLR0913, PLR0917
    issued = stored("relay")
    path = folder / "relay.pem"
    chain = issued.cert_chain_pems[0].bytes()
    if what == "garbage":
        path.write_bytes(b"\0\1\2 this is no PEM \xff")
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "no key":
        path.write_bytes(chain)
    elif what == "another key":
        path.write_bytes(chain)
        (folder / "relay.key").write_bytes(stored("other").private_key_pem.bytes())
    else:
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"CANARY-7f3a"),
        )
        path.write_bytes(chain + locked)

    text = held(showing("relay"), peer_for(), host_of)
    assert text.startswith("The certificate relay cannot be used: ")


def test_a_connector_with_a_certificate_never_sends_in_the_clear(peer_for, host_of, showing, stored):
    stored("relay")
    peer = peer_for()
    reply = reason(showing("relay"), host_of(peer))

    assert reply.line == "421 4.7.0 TLS is required, but the host does not offer STARTTLS"
    assert not any(line.startswith("MAIL") for line in peer.talk.commands)


@pytest.mark.parametrize("break_off", [close, reset])
def test_a_host_that_breaks_off_the_handshake_gets_no_mail_in_the_clear(
    peer_for, host_of, showing, stored, break_off
):
    def go_and_break(talk):
        talk.say(b"220 go ahead\r\n")
        break_off(talk)

    stored("relay")
    peer = peer_for({"STARTTLS": go_and_break}, offers=["STARTTLS"])
    reply = reason(showing("relay"), host_of(peer))

    assert reply.stage == Stage.STARTTLS
    assert len(peer.talks) == 1


def test_a_certificate_written_anew_is_used_by_the_next_session(connected, showing, stored, asking):
    stored("relay", name="old.contoso.test")
    peer, _ = connected(tls=asking(), client=showing("relay"))
    assert common_name(peer) == "old.contoso.test"

    stored("relay", name="new.contoso.test")
    peer, _ = connected(tls=asking(), client=showing("relay"))
    assert common_name(peer) == "new.contoso.test"
