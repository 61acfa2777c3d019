"""DANE with a zone that Knot signs, behind Unbound that validates, and a host that shows its certificate.

The rules of RFC 7672: which names count, what mail does where records match, do not match, or are bogus.
"""

import hashlib
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.rdatatype
import pytest

from tests.support.dnssec import ValidatingDns
from tests.support.nameserver import Nameserver
from tests.support.smtp_peer import Peer
from transport.destinations import AddressRule, DestinationFailed, Destinations, Limits, validators
from transport.envelope import Stage, Transaction
from transport.host_policy import NO_POLICY
from transport.smtp import certificates
from transport.smtp.client import Client, SessionFailed
from transport.tls_policies import HostRefused, PolicyHost, PolicyStore, PublishedPolicies

IMPATIENT = Limits(total=timedelta(seconds=4), per_server=timedelta(seconds=2))
MESSAGE = Transaction(
    message_id=1,
    mail_from="anna@contoso.test",
    recipients=("bob@good.test",),
    content=(b"Subject: Hello\r\n\r\nHello.\r\n",),
    size_bytes=26,
)


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue_cert("ta.test")


@pytest.fixture(scope="module")
def peer(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with Peer(tls=context) as started:
        yield started


@pytest.fixture(scope="module")
def dnssec(peer, certificate):
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    right = f"TLSA 3 1 1 {hashlib.sha256(certificates.public_key(der)).hexdigest()}"
    wrong = f"TLSA 3 1 1 {'00' * 32}"
    at = f"_{peer.port}._tcp"
    records = f"""
good          MX 10 mxgood
cn            CNAME good
wrong         MX 10 mxwrong
bogus         MX 10 mxbogus
none          MX 10 mxnone
unusable      MX 10 mxunusable
expanded      MX 10 mxexpanded
mxexpanded    CNAME mxgood
aliased       MX 10 mxaliased
mxaliased     CNAME mxnone
leaving       MX 10 mxleaving
mxleaving     CNAME mx.plain
away          MX 10 mx.plain
shared        MX 10 mxshared
literalless   A 127.0.0.1
brokenmx      MX 10 mxgood
both          MX 10 mxwrong
both          MX 20 mxgood
{at}.mxgood       {right}
{at}.mxwrong      {wrong}
{at}.mxbogus      {right}
{at}.mxunusable   TLSA 1 1 1 {"00" * 32}
{at}.mxunusable   TLSA 3 1 9 {"00" * 32}
{at}.mxunusable   TLSA 3 7 1 {"00" * 32}
{at}.mxunusable   TLSA 9 1 1 {"00" * 32}
{at}.mxaliased    {right}
{at}.mxleaving    {right}
{at}.mxshared     CNAME tlsa
tlsa              {wrong}
{at}.literalless  {right}
{at}.mx.plain     {wrong}
mxgood        A 127.0.0.1
mxwrong       A 127.0.0.1
mxbogus       A 127.0.0.1
mxnone        A 127.0.0.1
mxunusable    A 127.0.0.1
mxshared      A 127.0.0.1
"""
    plain = f"""
@             MX 10 mx
mx            A 127.0.0.1
inward        MX 10 mxwrong.test.
{at}.mx       {wrong}
"""

    def tamper(zone):
        record = zone.find_rdataset(f"{at}.mxbogus.test.", dns.rdatatype.TLSA)
        changed = record[0].replace(cert=b"\1" * 32)
        record.clear()
        record.add(changed)
        exchangers = zone.find_rdataset("brokenmx.test.", dns.rdatatype.MX)
        changed = exchangers[0].replace(preference=11)
        exchangers.clear()
        exchangers.add(changed)

    with ValidatingDns(records, plain=plain, tamper=tamper) as started:
        yield started


@pytest.fixture
def find(dnssec, peer, tmp_path):
    """Give the hosts of a domain with the function that tells their policies."""

    def hosts(domain, *, server=None, validating=True, limits=IMPATIENT):
        servers = (server or dnssec.address,)
        finder = Destinations(dns_servers=servers, validating=validating, port=peer.port, limits=IMPATIENT)
        policies = PublishedPolicies(
            domain=domain,
            dns_servers=servers,
            dane=True,
            validating=validating,
            mta_sts=False,
            policy_host=PolicyHost(),
            store=PolicyStore(tmp_path),
            address_rule=AddressRule(),
            now=datetime.now(UTC),
            limits=limits,
        )
        return finder.hosts_for_domain(domain), policies.for_host

    return hosts


@pytest.fixture
def deliver(find):
    """Send one message to the first host of a domain; gives the client."""

    def send(domain):
        (host, *_), policy_for = find(domain)
        client = Client(ehlo_name="e15mb1.admincenter.test")
        client.connect(host, tls_name=domain, published=policy_for(host))
        try:
            assert client.send(MESSAGE).replies[0][1].code == 250
        finally:
            client.quit()
        return client

    return send


def refusal(deliver, domain, error):
    with pytest.raises(error) as raised:
        deliver(domain)
    return raised.value.reply


@pytest.mark.parametrize("domain", ["good.test", "cn.test", "expanded.test", "literalless.test"])
def test_mail_goes_where_the_record_matches(deliver, domain):
    client = deliver(domain)

    assert (client.tls_source, client.tls.verified) == ("DANE", True)


def test_no_mail_goes_where_the_record_does_not_match(deliver, peer):
    before = len(peer.contents)
    reply = refusal(deliver, "wrong.test", SessionFailed)

    assert reply.line == (
        "454 4.7.323 No TLSA record matches the certificate of the host"
        " (DANE of the recipient domain forbids delivery)"
    )
    assert reply.stage == Stage.STARTTLS
    assert len(peer.contents) == before


def test_a_record_whose_signature_does_not_hold_makes_the_host_wait(deliver, peer):
    before = len(peer.talks)
    reply = refusal(deliver, "bogus.test", HostRefused)

    assert (reply.code, reply.enhanced, reply.stage, reply.host) == (
        451,
        "4.7.324",
        Stage.DNS,
        "mxbogus.test",
    )
    assert "it cannot be known whether mxbogus.test has TLSA records" in reply.text
    assert "answered SERVFAIL" in reply.text
    assert len(peer.talks) == before


def test_mx_records_whose_signature_does_not_hold_make_the_mail_wait(deliver):
    reply = refusal(deliver, "brokenmx.test", DestinationFailed)

    assert reply.code == 451
    assert "SERVFAIL" in reply.text


def test_a_host_without_records_is_spoken_to_as_ever(deliver):
    client = deliver("none.test")

    assert (client.tls_source, client.tls.verified) == ("opportunistic", False)


def test_records_that_cannot_be_used_demand_tls_without_a_check(deliver, find):
    client = deliver("unusable.test")
    (host,), policy_for = find("unusable.test")

    assert (client.tls_source, client.tls.verified) == ("DANE", False)
    assert (policy_for(host).required, policy_for(host).tlsa) == (True, ())


def test_the_next_host_is_judged_by_its_own_records(find):
    hosts, policy_for = find("both.test")

    assert [policy_for(host).tlsa[0].data == b"\0" * 32 for host in hosts] == [True]
    assert [host.tlsa_bases for host in hosts] == [("mxwrong.test",)]


def test_time_that_a_dead_host_took_is_not_missing_for_the_next_one(find, dnssec, peer):
    hosts = Destinations(dns_servers=(dnssec.address,), validating=True, port=peer.port, by_name=True)
    first, second = hosts.hosts_for_domain("both.test")
    _, policy_for = find("both.test", limits=replace(IMPATIENT, total=timedelta(seconds=0.5)))

    assert policy_for(first).tlsa
    time.sleep(0.6)
    assert policy_for(second).tlsa


@pytest.mark.parametrize(
    ("domain", "bases"),
    [
        ("good.test", ("mxgood.test",)),
        ("expanded.test", ("mxgood.test", "mxexpanded.test")),
        ("aliased.test", ("mxnone.test", "mxaliased.test")),
        ("leaving.test", ("mxleaving.test",)),
        ("literalless.test", ("literalless.test",)),
        ("away.test", ()),
        ("plain.test", ()),
        ("inward.plain.test", ()),
    ],
)
def test_records_count_below_the_names_that_dnssec_proves(find, domain, bases):
    (host,), _ = find(domain)

    assert host.tlsa_bases == bases


@pytest.mark.parametrize("domain", ["aliased.test", "leaving.test"])
def test_records_below_an_alias_count_where_its_target_has_none(deliver, domain):
    assert deliver(domain).tls.verified


def test_records_behind_a_secure_alias_are_followed(find):
    (host,), policy_for = find("shared.test")

    assert policy_for(host).tlsa[0].data == b"\0" * 32


@pytest.mark.parametrize("domain", ["away.test", "plain.test", "inward.plain.test"])
def test_records_that_dnssec_does_not_prove_count_for_nothing(deliver, domain):
    assert deliver(domain).tls_source == "opportunistic"


def test_a_resolver_that_only_claims_to_have_validated_is_not_asked_about_it(find):
    """Who does not ask for validation gets no DANE, whatever bits an answer carries."""
    (host,), policy_for = find("wrong.test", validating=False)

    assert host.tlsa_bases == ()
    assert policy_for(host).note.startswith("DANE is not looked for")


def test_a_server_that_does_not_validate_gives_no_dane(find):
    with Nameserver({"test": "wrong MX 10 mxwrong\nmxwrong A 127.0.0.1"}) as unsigned:
        (host,), policy_for = find("wrong.test", server=unsigned.address)

    assert host.tlsa_bases == ()
    assert policy_for(host) == NO_POLICY


def test_the_names_of_a_host_under_an_authority(find):
    (host,), policy_for = find("good.test")

    assert policy_for(host).names == ("mxgood.test", "good.test")
    assert policy_for(host).server_name == "mxgood.test"


@pytest.mark.parametrize(
    ("servers", "marked", "trusted"),
    [
        ((), (), ()),
        (("127.0.0.1",), (), ("127.0.0.1:53",)),
        (("127.0.0.53:5353", "[::1]:53"), (), ("127.0.0.53:5353", "[::1]:53")),
        (("192.0.2.53",), (), ()),
        (("192.0.2.53",), ("192.0.2.53",), ("192.0.2.53:53",)),
        (("192.0.2.53:5353",), ("192.0.2.53",), ()),
        (("192.0.2.53", "127.0.0.1", "192.0.2.54"), ("192.0.2.54",), ("127.0.0.1:53", "192.0.2.54:53")),
        ((), ("192.0.2.53",), ()),
    ],
)
def test_the_word_of_a_dns_server_counts_on_loopback_or_where_it_is_marked(servers, marked, trusted):
    assert validators(servers, marked=marked) == trusted
