"""What became of TLS stays with the attempt; published policies decide in the real session."""

import hashlib
import ssl

import pytest
import trustme
from django.utils import timezone

from tests.support.dnssec import ValidatingDns
from tests.support.engine import accept, connector, server
from tests.support.faulty_dns import FaultyDns
from tests.support.nameserver import Nameserver
from tests.support.policy_server import ENFORCE, PolicyServer, answer
from tests.support.smtp_peer import Peer, close
from transport import delivery
from transport.destinations import forget
from transport.models import Attempt, Message, Queue, QueuedMessage, TransportServer
from transport.smtp import certificates

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]
MX = "mx.fabrikam.test"
RECORD = '_mta-sts.fabrikam TXT "v=STSv1; id=1;"'
ZONE = """
fabrikam          MX 10 mx.fabrikam
mx.fabrikam       A 127.0.0.1
mta-sts.fabrikam  A 127.0.0.1
"""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_for(authority):
    def build(*names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, common_name=names[0]).configure_cert(context)
        return context

    return build


@pytest.fixture
def peer_for():
    with_peers = []

    def start(*args, **kwargs):
        peer = Peer(*args, **kwargs)
        peer.__enter__()
        with_peers.append(peer)
        return peer

    yield start
    for peer in with_peers:
        peer.__exit__(None, None, None)


@pytest.fixture
def world(settings, tmp_path, authority, tls_for):
    """A zone with a policy, its policy host, and a server that looks there."""
    settings.DATA_DIR = tmp_path
    settings.TESTING_CA_FILE = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(settings.TESTING_CA_FILE)
    forget()
    with (
        Nameserver({"test": ZONE + RECORD}) as dns,
        PolicyServer(tls_for("mta-sts.fabrikam.test"), answer=answer()) as policies,
    ):
        settings.TESTING_MTA_STS_PORT = policies.port
        server()
        ask(dns.address)
        policies.dns = dns
        yield policies


def ask(address: str) -> None:
    TransportServer.objects.update(internal_dns_servers=[address], allowed_mx_networks=["127.0.0.0/8"])


def send(engine, *, again: bool = False) -> Attempt:
    """Let one message to bob have its attempt; gives it."""
    if again:
        Queue.objects.update(next_retry_at=None)
    else:
        accept("bob@fabrikam.test")
    delivery.deliver(Queue.objects.get().pk, engine=engine)
    return Attempt.objects.order_by("-pk")[0]


# The facts


def test_version_cipher_subject_and_policy_stay_with_the_attempt(engine, peer_for, tls_for):
    peer = peer_for(tls=tls_for(MX))
    connector(smart_hosts=("127.0.0.1",), port=peer.port)
    attempt = send(engine)

    facts, check, subject = attempt.tls.partition(", certificate not verified: ")
    assert facts.startswith("TLSv1.3 TLS_AES_")
    assert check
    assert subject.endswith("CN=mx.fabrikam.test")
    assert attempt.tls_policy == "opportunistic"


def test_a_host_cannot_pass_for_verified_by_what_it_calls_itself(engine, peer_for, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    name = "CN=mx, certificate verified: " + "x" * 30
    authority.issue_cert(MX, organization_name=name, organization_unit_name="y" * 60).configure_cert(context)
    peer = peer_for(tls=context)
    connector(smart_hosts=("127.0.0.1",), port=peer.port)
    attempt = send(engine)

    assert attempt.tls.partition(", certificate ")[2].startswith("not verified: ")


def test_a_fall_back_to_clear_text_says_why_and_uses_a_new_connection(engine, peer_for, tls_for):
    script = {"STARTTLS": "454 4.7.0 TLS is broken today"}
    peer = peer_for(script, tls=tls_for(MX))
    connector(smart_hosts=("127.0.0.1",), port=peer.port)
    attempt = send(engine)

    assert attempt.outcome == "delivered"
    assert attempt.tls == "Sent without TLS: 454 4.7.0 TLS is broken today"
    assert attempt.tls_policy == "opportunistic"
    assert [len(talk.contents) for talk in peer.talks] == [0, 1]


def test_a_host_that_cannot_do_tls_where_it_is_required_leaves_the_demand_on_the_attempt(engine, peer_for):
    peer = peer_for()
    connector(smart_hosts=("127.0.0.1",), port=peer.port, require_tls=True)
    attempt = send(engine)

    assert (attempt.stage, attempt.outcome, attempt.tls, attempt.tls_policy) == (
        "STARTTLS",
        "deferred",
        "",
        "RequireTLS",
    )


def test_a_session_without_any_offer_of_tls_is_opportunistic_and_in_the_clear(engine, peer_for):
    peer = peer_for()
    connector(smart_hosts=("127.0.0.1",), port=peer.port)
    attempt = send(engine)

    assert (attempt.tls, attempt.tls_policy) == ("", "opportunistic")


def test_a_host_that_refuses_after_the_handshake_leaves_the_facts_too(engine, peer_for, tls_for):
    peer = peer_for({"MAIL": "421 4.3.2 Not now"}, tls=tls_for(MX))
    connector(smart_hosts=("127.0.0.1",), port=peer.port)
    attempt = send(engine)

    assert (attempt.outcome, attempt.tls[:7], attempt.tls_policy) == ("deferred", "TLSv1.3", "opportunistic")


def test_the_facts_stand_in_the_protocol_log(engine, peer_for, tls_for, tmp_path):
    peer = peer_for(tls=tls_for(MX))
    connector(smart_hosts=("127.0.0.1",), port=peer.port, protocol_logging=True)
    send(engine)
    text = next((tmp_path / "logs").iterdir()).read_text(encoding="utf-8-sig")

    facts = [line.split(",*,")[1] for line in text.splitlines() if ",*," in line]
    assert ",TLS policy: opportunistic" in facts
    assert any(fact.startswith("TLSv1.3 TLS_AES_") for fact in facts)
    assert any("CN=mx.fabrikam.test" in fact and "Certificate subject" in fact for fact in facts)
    assert "not verified,Certificate validation" in facts


# MTA-STS


def test_mail_goes_to_a_host_that_meets_the_policy(engine, world, peer_for, tls_for):
    peer = peer_for(tls=tls_for(MX))
    connector(port=peer.port, mta_sts=True)
    attempt = send(engine)

    assert attempt.tls.endswith("CN=mx.fabrikam.test")
    assert ", certificate verified: " in attempt.tls
    assert (attempt.outcome, attempt.tls_policy) == ("delivered", "MTA-STS")
    assert len(world.requests) == 1


@pytest.mark.usefixtures("world")
def test_mail_waits_where_the_certificate_does_not_meet_the_policy(engine, peer_for, tls_for):
    peer = peer_for(tls=tls_for("somebody.else.test"))
    connector(port=peer.port, mta_sts=True)
    attempt = send(engine)

    assert (attempt.outcome, attempt.stage, attempt.tls_policy) == ("deferred", "STARTTLS", "MTA-STS")
    assert Queue.objects.get().last_error == (
        "454 4.7.5 The certificate is not valid for mx.fabrikam.test"
        " (MTA-STS of the recipient domain forbids delivery)"
    )
    assert not any(peer.contents)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("script", [{}, {"STARTTLS": "454 4.7.0 Later"}, {"STARTTLS": close}])
def test_mail_never_goes_on_in_the_clear_under_the_policy(engine, peer_for, tls_for, script):
    peer = peer_for(script, tls=tls_for(MX) if script else None)
    connector(port=peer.port, mta_sts=True)
    attempt = send(engine)

    assert (attempt.outcome, attempt.stage, attempt.tls_policy) == ("deferred", "STARTTLS", "MTA-STS")
    assert len(peer.talks) == 1
    assert not any(peer.contents)


def test_a_host_that_the_policy_does_not_list_is_not_dialled_and_the_next_one_is(
    engine, world, peer_for, tls_for
):
    """Both stand at one address: the policy is about names."""
    zone = "fabrikam MX 5 mx.evil\nmx.evil A 127.0.0.1\n" + ZONE + RECORD
    world.dns.reload({"test": zone})
    peer = peer_for(tls=tls_for(MX))
    connector(port=peer.port, mta_sts=True)
    send(engine)
    attempts = list(Attempt.objects.order_by("pk").values_list("host", "stage", "enhanced", "outcome"))

    assert attempts == [
        ("mx.evil.test", "DNS", "4.4.8", "deferred"),
        ("mx.fabrikam.test", "DOT", "2.0.0", "delivered"),
    ]
    assert len(peer.talks) == 1


def test_mail_waits_while_it_is_not_known_whether_there_is_a_policy(engine, world, peer_for, tls_for):
    """The record is delegated to a server that is not there."""
    zone = ZONE + "_mta-sts.fabrikam NS nowhere\nnowhere A 127.0.0.1"
    world.dns.reload({"test": zone})
    peer = peer_for(tls=tls_for(MX))
    connector(port=peer.port, mta_sts=True)
    attempt = send(engine)

    assert (attempt.outcome, attempt.stage, attempt.code) == ("deferred", "DNS", 451)
    assert "it cannot be known whether fabrikam.test has a policy" in attempt.text
    assert not peer.talks


def test_a_connector_without_the_option_asks_nobody(engine, world, peer_for, tls_for):
    peer = peer_for(tls=tls_for("somebody.else.test"))
    connector(port=peer.port)

    assert send(engine).tls_policy == "opportunistic"
    assert not world.connections


def test_a_policy_that_appears_while_mail_waits_counts_at_the_next_attempt(engine, world, peer_for, tls_for):
    world.dns.reload({"test": ZONE})
    peer = peer_for({"RCPT": ["421 4.3.2 Later", "250 2.1.5 ok"]}, tls=tls_for(MX))
    connector(port=peer.port, mta_sts=True)
    assert send(engine).tls_policy == "opportunistic"

    world.dns.reload({"test": ZONE + RECORD})
    QueuedMessage.objects.update(next_attempt_at=timezone.now())
    assert send(engine, again=True).tls_policy == "MTA-STS"


def test_a_policy_in_testing_lets_the_mail_go_and_says_so(engine, world, peer_for):
    world.answer = answer(ENFORCE.replace(b"enforce", b"testing"))
    peer = peer_for()
    connector(port=peer.port, mta_sts=True)
    attempt = send(engine)

    assert (attempt.outcome, attempt.tls_policy) == (
        "delivered",
        "opportunistic; the MTA-STS policy is in testing",
    )


def test_nobody_is_asked_where_reports_about_tls_go_and_none_is_sent(engine, world, peer_for):
    """RFC 8460 is not implemented: a failure is seen at the attempt, in the queue and in the tracking log."""
    records = {
        ("fabrikam.test", "MX"): "@ MX 10 mx.fabrikam.test.",
        (MX, "A"): "@ A 127.0.0.1",
        ("_mta-sts.fabrikam.test", "TXT"): '@ TXT "v=STSv1; id=1;"',
        ("mta-sts.fabrikam.test", "A"): "@ A 127.0.0.1",
    }
    peer = peer_for()
    connector(port=peer.port, mta_sts=True)
    with FaultyDns(lambda name, kind: records.get((name, kind), "").replace("@", f"{name}.")) as dns:
        ask(dns.address)
        attempt = send(engine)

    assert (attempt.outcome, attempt.tls_policy) == ("deferred", "MTA-STS")
    assert world.requests
    assert {name for name, _ in dns.asked} == {name for name, _ in records}
    assert Message.objects.count() == 1


# DANE


@pytest.fixture
def signed(settings, tmp_path):
    """Build a signed zone for a peer and a TLSA record: `with signed(peer, record): ...`."""
    settings.DATA_DIR = tmp_path
    forget()

    def build(peer, record):
        tlsa = f"_{peer.port}._tcp.mx.fabrikam {record}" if record else ""
        started = ValidatingDns(f"fabrikam MX 10 mx.fabrikam\nmx.fabrikam A 127.0.0.1\n{tlsa}")
        server()
        return started

    return build


def record_of(peer) -> str:
    return f"TLSA 3 1 1 {hashlib.sha256(certificates.public_key(peer.der)).hexdigest()}"


@pytest.fixture
def host(authority, peer_for):
    certificate = authority.issue_cert("whatever.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    peer = peer_for(tls=context)
    peer.der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    return peer


def test_mail_goes_where_the_tlsa_record_matches(engine, host, signed):
    connector(port=host.port, dane=True)
    with signed(host, record_of(host)) as dns:
        ask(dns.address)
        attempt = send(engine)

    assert (attempt.outcome, attempt.tls_policy) == ("delivered", "DANE")
    assert ", certificate verified: " in attempt.tls


def test_mail_waits_where_it_does_not_match(engine, host, signed):
    connector(port=host.port, dane=True)
    with signed(host, f"TLSA 3 1 1 {'00' * 32}") as dns:
        ask(dns.address)
        attempt = send(engine)

    assert (attempt.outcome, attempt.stage, attempt.enhanced, attempt.tls_policy) == (
        "deferred",
        "STARTTLS",
        "4.7.323",
        "DANE",
    )
    assert not any(host.contents)


def test_mail_waits_while_the_validator_fails_though_another_server_is_in_the_list(engine, host):
    """The other one is not trusted to validate: its word would open a way around DANE."""
    connector(port=host.port, dane=True)
    with FaultyDns(lambda _name, _kind: "SERVFAIL") as validator:
        server()
        TransportServer.objects.update(internal_dns_servers=[validator.address, "192.0.2.53"])
        attempt = send(engine)

    assert (attempt.outcome, attempt.stage) == ("deferred", "DNS")
    assert attempt.text.endswith(f"{validator.address} answered SERVFAIL")
    assert not host.talks


def test_dane_comes_before_mta_sts(engine, world, host, signed):
    """The policy demands a certificate for mx.fabrikam.test; the record names the one that is there."""
    connector(port=host.port, dane=True, mta_sts=True)
    with signed(host, record_of(host)) as dns:
        ask(dns.address)
        attempt = send(engine)

    assert (attempt.outcome, attempt.tls_policy) == ("delivered", "DANE")
    assert not world.connections


def test_without_a_trusted_validator_the_attempt_says_that_there_is_no_dane(engine, host):
    """The system's own resolver counts for nothing; here it is not even asked: an address needs no DNS."""
    server()
    connector(port=host.port, dane=True)
    accept("bob@[127.0.0.1]")
    delivery.deliver(Queue.objects.get().pk, engine=engine)
    attempt = Attempt.objects.get()

    assert attempt.outcome == "delivered"
    assert attempt.tls_policy.startswith("opportunistic; DANE is not looked for")
