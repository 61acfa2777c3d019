import datetime as dt
import os
import re
import ssl
import warnings
from base64 import encodebytes
from datetime import timedelta

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from connectors.profiles import Credentials, SmartHostAuth, TlsAuthLevel, TlsPolicy
from tests.support.smtp_peer import close, drip, hang, reset, say_and_close
from transport.envelope import Stage
from transport.smtp import certificates
from transport.smtp.client import SessionFailed

SHORT = timedelta(seconds=0.25)
OPPORTUNISTIC = TlsPolicy()
REQUIRED = TlsPolicy(require=True)
ENCRYPTED = TlsPolicy(require=True, auth_level=TlsAuthLevel.ENCRYPTION_ONLY)
TRUSTED = TlsPolicy(require=True, auth_level=TlsAuthLevel.CERTIFICATE_VALIDATION)
NAMED = TlsPolicy(require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION)
INJECTED = b"220 go ahead\r\n250-peer.test\r\n250 AUTH PLAIN\r\n"


@pytest.fixture
def failing(host_of):
    """Connect, fail, and give the reply."""

    def connect(peer, client, **options):
        with pytest.raises(SessionFailed) as raised:
            client.connect(host_of(peer), **options)
        assert not client.open
        return raised.value.reply

    return connect


def mail_in_the_clear(peer):
    return [line for talk in peer.talks for line in talk.clear_commands if line[:4] in {"MAIL", "AUTH"}]


def test_tls_is_used_when_it_is_offered_without_asking_who_signed(connected, tls_for, message):
    peer, client = connected(tls=tls_for("somebody.else.test"))

    assert client.send(message()).replies[0][1].code == 250
    assert mail_in_the_clear(peer) == []
    assert peer.talk.clear_commands == ["EHLO e15mb1.admincenter.test", "STARTTLS"]
    assert (client.tls.version, client.tls.verified) == ("TLSv1.3", False)
    assert client.tls.cipher.startswith("TLS_")
    assert "CN=somebody.else.test" in client.tls.subject
    assert client.tls_note == ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_large_message_goes_over_every_version(connected, tls_for, message, version):
    context = tls_for("mx.peer.test")
    context.minimum_version = context.maximum_version = version
    peer, client = connected(tls=context)
    content = (b"x" * 98 + b"\r\n") * 5000

    assert client.send(message(content)).replies[0][1].code == 250
    assert peer.contents == [content]
    assert client.tls.version == version.name.replace("_", ".")


def test_the_log_tells_the_facts_of_tls(connected, tls_for, new_client, dialogue):
    connected(tls=tls_for("mx.peer.test"), client=new_client(log=dialogue.note))

    facts = {line[1]: line[2] for line in dialogue if line[0] == "*" and len(line) > 2}
    assert ("*", "TLS policy: opportunistic") in dialogue
    assert facts["TLS negotiation succeeded"].startswith("TLSv1.3 TLS_")
    assert facts["Certificate subject"].endswith("CN=mx.peer.test")
    assert "trustme" in facts["Certificate issuer name"]
    assert re.fullmatch("[0-9A-F]{2,40}", facts["Certificate serial number"])
    assert re.fullmatch("[0-9A-F]{40}", facts["Certificate thumbprint"])
    assert facts["Certificate alternate names"] == "mx.peer.test"
    assert facts["Certificate validation"] == "not verified"


def test_what_was_offered_in_the_clear_counts_no_more(connected, tls_for):
    _, client = connected(
        {"EHLO": [b"250-x\r\n250-STARTTLS\r\n250-SIZE 5\r\n250 AUTH PLAIN\r\n", b"250-x\r\n250 SIZE 7\r\n"]},
        tls=tls_for("mx.peer.test"),
    )

    assert client.extensions.size_limit_bytes == 7
    assert not client.extensions.auth


def test_ignore_starttls_never_uses_it(connected, tls_for, new_client):
    peer, client = connected(
        tls=tls_for("mx.peer.test"), client=new_client(tls_policy=TlsPolicy(ignore=True))
    )

    assert client.tls is None
    assert peer.talk.commands == ["EHLO e15mb1.admincenter.test"]


# A handshake that fails


def broken_handshake(talk):
    talk.say(b"220 go ahead\r\n")
    talk.read()
    talk.say(b"this is not TLS\r\n" * 10)
    close(talk)


def silent_handshake(talk):
    talk.say(b"220 go ahead\r\n")
    hang(talk)


def crawling_handshake(talk):
    """The beginning of a long answer, and then a byte now and then."""
    talk.say(b"220 go ahead\r\n")
    talk.read()
    drip(b"\x16\x03\x03\x00\x80\x02\x00\x00\x7c" + b"\x03" * 1000)(talk)


FAULTS = {
    "no TLS": broken_handshake,
    "close": say_and_close(b"220 go ahead\r\n"),
    "reset": lambda talk: (talk.say(b"220 go ahead\r\n"), reset(talk)),
    "silence": silent_handshake,
    "crawl": crawling_handshake,
    "4yz": "454 4.7.0 TLS not available",
    "5yz": "502 5.5.1 what?",
    "421": "421 4.7.0 no",
    "2yz and more": INJECTED,
    "garbage": "go ahead",
    "3yz": "334 go ahead",
}


@pytest.fixture
def scaled(timeouts):
    """Short time-outs for the faults that consist in waiting."""
    return lambda fault: timeouts(
        **({"starttls": SHORT} if fault in {silent_handshake, crawling_handshake} else {})
    )


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_opportunistic_tls_goes_on_in_the_clear_over_a_new_connection(
    connected, new_client, scaled, message, fault
):
    peer, client = connected(
        {"STARTTLS": fault},
        offers=["STARTTLS", "PIPELINING"],
        client=new_client(timeouts=scaled(fault)),
    )

    assert client.send(message()).replies[0][1].code == 250
    assert client.tls is None
    assert client.tls_note.startswith("Sent without TLS: ")
    tried, used = peer.talks
    assert not [line for line in tried.commands if line.startswith("MAIL")]
    assert "STARTTLS" not in used.commands


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("policy", [REQUIRED, ENCRYPTED, TRUSTED])
def test_required_tls_never_goes_on_in_the_clear(peer_for, new_client, failing, scaled, policy, fault):  # noqa: PLR0913, PLR0917 - a table and its tools
    peer = peer_for({"STARTTLS": fault}, offers=["STARTTLS"])

    reply = failing(peer, new_client(tls_policy=policy, timeouts=scaled(fault)))

    assert reply.stage == Stage.STARTTLS
    assert len(peer.talks) == 1
    assert mail_in_the_clear(peer) == []


@pytest.mark.parametrize(
    ("fault", "line", "remote"),
    [
        ("no TLS", "454 4.7.5 TLS negotiation failed: wrong version number", False),
        ("close", "421 4.4.2 Connection dropped: the host closed it", False),
        ("silence", "421 4.4.2 Timed out: the host did not answer in time", False),
        ("crawl", "421 4.4.2 Timed out: the host did not answer in time", False),
        ("5yz", "502 5.5.1 what?", True),
        ("2yz and more", "421 4.5.0 Protocol error: the host sent more than its answer to STARTTLS", False),
    ],
)
def test_the_reply_tells_why_there_is_no_tls(peer_for, new_client, failing, scaled, fault, line, remote):  # noqa: PLR0913, PLR0917 - a table and its tools
    peer = peer_for({"STARTTLS": FAULTS[fault]}, offers=["STARTTLS"])

    reply = failing(peer, new_client(tls_policy=REQUIRED, timeouts=scaled(FAULTS[fault])))

    assert (reply.line, reply.remote) == (line, remote)


@pytest.mark.parametrize("script", [{}, {"EHLO": "500 what?"}])
def test_required_tls_that_is_not_offered_is_a_reply(peer_for, new_client, failing, script):
    peer = peer_for(script)

    reply = failing(peer, new_client(tls_policy=REQUIRED))

    assert reply.line == "421 4.7.0 TLS is required, but the host does not offer STARTTLS"
    assert (reply.stage, reply.remote) == (Stage.STARTTLS, False)
    assert peer.talk.commands[-1] == "QUIT"


def test_a_host_that_refuses_after_the_handshake_is_not_asked_again_in_the_clear(
    peer_for, new_client, failing, tls_for
):
    peer = peer_for({"EHLO": [b"250-x\r\n250 STARTTLS\r\n", "450 4.3.2 busy"]}, tls=tls_for("mx.peer.test"))

    reply = failing(peer, new_client())

    assert (reply.line, reply.stage, reply.remote) == ("450 4.3.2 busy", Stage.EHLO, True)
    assert len(peer.talks) == 1


def test_a_host_that_closes_right_after_the_handshake_is_tried_in_the_clear(connected, tls_for):
    """Under TLS 1.3 a host that wants a client certificate says so only then."""
    starttls = b"250-x\r\n250 STARTTLS\r\n"
    context = tls_for("mx.peer.test")
    context.verify_mode = ssl.CERT_REQUIRED
    peer, client = connected({"EHLO": [starttls, starttls]}, tls=context)

    assert client.open
    assert client.tls is None
    assert client.tls_note
    assert len(peer.talks) == 2


def test_old_versions_of_tls_are_refused(peer_for, new_client, failing, tls_for):
    context = tls_for("mx.peer.test")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    reply = failing(peer_for(tls=context), new_client(tls_policy=REQUIRED))

    assert (reply.code, reply.enhanced, reply.stage) == (454, "4.7.5", Stage.STARTTLS)


def test_an_old_key_exchange_is_better_than_clear_text(connected, old_exchange):
    _, client = connected(tls=old_exchange)

    assert client.tls.cipher.startswith("DHE-")
    assert (client.tls.verified, client.tls_note) == (False, "")


def test_an_old_key_exchange_does_not_do_where_a_certificate_is_checked(
    peer_for, new_client, failing, old_exchange
):
    reply = failing(peer_for(tls=old_exchange), new_client(tls_policy=TRUSTED))

    assert (reply.code, reply.enhanced, reply.stage) == (454, "4.7.5", Stage.STARTTLS)


@pytest.fixture
def old_exchange(tmp_path):
    """A server that knows nothing but a Diffie-Hellman group of 1024 bits (RFC 2409 section 6.2)."""
    group = b"\x30\x81\x87\x02\x81\x81\x00" + bytes.fromhex(OAKLEY_2) + b"\x02\x01\x02"
    file = tmp_path / "group.pem"
    file.write_bytes(
        b"-----BEGIN DH PARAMETERS-----\n" + encodebytes(group) + b"-----END DH PARAMETERS-----\n"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    context.load_dh_params(file)
    issuer = trustme.CA(key_type=trustme.KeyType.RSA)
    issuer.issue_cert("mx.peer.test", key_type=trustme.KeyType.RSA).configure_cert(context)
    return context


OAKLEY_2 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)


# What the certificate must prove


def expired():
    return {"not_after": dt.datetime.now(tz=dt.UTC) - timedelta(days=1)}


@pytest.mark.parametrize(
    ("policy", "tls_name", "certificate"),
    [
        (ENCRYPTED, "", "somebody.else.test"),
        (TRUSTED, "", "somebody.else.test"),
        (NAMED, "peer.test", "peer.test"),
        (NAMED, "mail.peer.test", "*.peer.test"),
        (
            TlsPolicy(require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION, domain="gateway.test"),
            "peer.test",
            "gateway.test",
        ),
    ],
)
def test_a_certificate_that_does(  # noqa: PLR0913, PLR0917 - a table and its tools
    peer_for, new_client, host_of, tls_for, ca_file, policy, tls_name, certificate
):
    client = new_client(tls_policy=policy, ca_file=ca_file)

    client.connect(host_of(peer_for(tls=tls_for(certificate))), tls_name=tls_name)

    assert client.tls.verified == (policy is not ENCRYPTED)


@pytest.mark.parametrize(
    ("policy", "tls_name", "certificate", "reason"),
    [
        (NAMED, "peer.test", "mx.peer.test", "hostname mismatch"),
        (NAMED, "peer.test", "*.peer.test", "hostname mismatch"),
        (NAMED, "192.0.2.7", "peer.test", "ip address mismatch"),
        (
            TlsPolicy(require=True, auth_level=TlsAuthLevel.DOMAIN_VALIDATION, domain="gateway.test"),
            "peer.test",
            "peer.test",
            "hostname mismatch",
        ),
        (NAMED, "", "mx.peer.test", "no name that the certificate"),
        (NAMED, "\0", "mx.peer.test", "no certificate can be valid for"),
        (NAMED, ".peer.test", "mx.peer.test", "no certificate can be valid for '.peer.test'"),
        (TRUSTED, "", "expired", "certificate has expired"),
        (TRUSTED, "", "unknown authority", "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_does_not(  # noqa: PLR0913, PLR0917 - a table and its tools
    peer_for, new_client, failing, tls_for, ca_file, policy, tls_name, certificate, reason
):
    name = certificate if "." in certificate else "mx.peer.test"
    peer = peer_for(tls=tls_for(name, **(expired() if certificate == "expired" else {})))
    known = None if certificate == "unknown authority" else ca_file

    reply = failing(peer, new_client(tls_policy=policy, ca_file=known), tls_name=tls_name)

    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (454, "4.7.5", Stage.STARTTLS, False)
    assert reason in reply.text.lower()
    assert mail_in_the_clear(peer) == []
    assert len(peer.talks) == 1


def test_a_host_name_that_cannot_be_asked_for_does_not_hinder_opportunistic_tls(
    peer_for, new_client, host_of, tls_for
):
    client = new_client()

    for name in ("", ".leading.dot", "x" * 300, "_under_score.test", "192.0.2.1", "\0"):
        client.connect(host_of(peer_for(tls=tls_for("mx.peer.test")), name))

        assert client.tls is not None


def test_authorities_that_cannot_be_read_are_a_reply(peer_for, new_client, failing, tls_for, tmp_path):
    client = new_client(tls_policy=TRUSTED, ca_file=str(tmp_path / "gone.pem"))

    reply = failing(peer_for(tls=tls_for("mx.peer.test")), client)

    assert reply.line == "454 4.7.5 The certificates of the trusted authorities cannot be read"


# BasicAuthRequireTLS

LOGIN = Credentials(username="relay", password="CANARY-7f3a")


def secret_client(new_client, **options):
    return new_client(auth=SmartHostAuth.BASIC_REQUIRE_TLS, credentials=LOGIN, **options)


def test_basic_auth_over_tls_sends_the_password_to_the_host_that_proved_its_name(
    peer_for, new_client, host_of, tls_for, ca_file
):
    peer = peer_for({"AUTH": "235 ok"}, offers=["AUTH PLAIN"], tls=tls_for("smart.test"))
    client = secret_client(new_client, ca_file=ca_file)

    client.connect(host_of(peer, "mx7.smart.test"), tls_name="smart.test")

    assert client.tls.verified
    assert mail_in_the_clear(peer) == []
    assert [line[:11] for line in peer.talk.commands][-1] == "AUTH PLAIN "


@pytest.mark.parametrize(
    ("certificate", "trusted", "offers"),
    [
        ("mx7.smart.test", True, ["AUTH PLAIN"]),
        ("smart.test", False, ["AUTH PLAIN"]),
        (None, True, ["AUTH PLAIN"]),
    ],
    ids=["name from DNS", "unknown authority", "no STARTTLS"],
)
def test_basic_auth_over_tls_sends_no_password_otherwise(  # noqa: PLR0913, PLR0917 - a table and its tools
    peer_for, new_client, failing, tls_for, ca_file, certificate, trusted, offers
):
    peer = peer_for(offers=offers, tls=tls_for(certificate) if certificate else None)
    client = secret_client(new_client, ca_file=ca_file if trusted else None)

    reply = failing(peer, client, tls_name="smart.test")

    assert (reply.stage, reply.remote) == (Stage.STARTTLS, False)
    assert not [line for talk in peer.talks for line in talk.commands if line.startswith("AUTH")]


def test_basic_auth_over_tls_and_ignore_starttls_exclude_each_other(peer_for, new_client, failing, tls_for):
    peer = peer_for(offers=["AUTH PLAIN"], tls=tls_for("smart.test"))

    reply = failing(peer, secret_client(new_client, tls_policy=TlsPolicy(ignore=True)), tls_name="smart.test")

    assert reply.line == "421 4.7.0 TLS is required, but IgnoreSTARTTLS forbids it"


# Trouble under TLS


@pytest.mark.parametrize("fault", [close, reset])
def test_a_dot_without_an_answer_leaves_a_doubt_under_tls_too(connected, tls_for, message, fault):
    _, client = connected({"DOT": fault}, tls=tls_for("mx.peer.test"))

    result = client.send(message())

    reply = result.replies[0][1]
    assert (reply.code, reply.enhanced, reply.stage) == (421, "4.4.2", Stage.DOT)
    assert result.in_doubt


def test_bytes_that_are_no_records_end_the_session(connected, tls_for, message):
    def raw(talk):
        os.write(talk.socket.fileno(), b"250 not encrypted\r\n" * 10)
        hang(talk)

    _, client = connected({"DOT": raw}, tls=tls_for("mx.peer.test"))

    result = client.send(message())

    reply = result.replies[0][1]
    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (454, "4.7.5", Stage.DOT, False)
    assert result.in_doubt


def test_an_endless_reply_under_tls_is_bounded(connected, tls_for, message):
    _, client = connected({"MAIL": b"250-x\r\n" * 100_000}, tls=tls_for("mx.peer.test"))

    assert client.send(message()).replies[0][1].enhanced == "4.5.0"


# Reading certificates


def der_of(context_authority, *names, **options):
    return ssl.PEM_cert_to_DER_cert(
        context_authority.issue_cert(*names, **options).cert_chain_pems[0].bytes().decode()
    )


def test_the_subject_of_a_certificate_is_read(authority):
    der = der_of(authority, "mx.test", common_name="mx.test", organization_name="Müller & Söhne")

    assert certificates.subject(der).startswith("O=Müller & Söhne, OU=Testing cert ")
    assert certificates.subject(der).endswith(", CN=mx.test")


def test_a_subject_is_bounded_and_printable(authority):
    der = der_of(authority, "mx.test", organization_name="a\u202e\x1b[31m" + "b" * 40)

    assert certificates.subject(der).isprintable()


@given(st.data())
def test_no_bytes_break_the_reader_of_certificates(authority_der, data):
    der = bytearray(authority_der)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, min(len(der) - 1, 400)))] = data.draw(st.integers(0, 255))

    subject = certificates.subject(bytes(der[: data.draw(st.integers(0, len(der)))]))

    assert subject.isprintable()
    assert len(subject) <= 255


@given(st.binary(max_size=300))
def test_what_is_no_certificate_has_no_subject(data):
    assert certificates.subject(data).isprintable()


@pytest.fixture(scope="session")
def authority_der(authority):
    return der_of(authority, "mx.test", common_name="mx.test")
