"""From a domain and a host to the policy of MTA-STS, with a real DNS server and a real policy host."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.faulty_dns import FaultyDns
from tests.support.policy_server import ENFORCE, answer
from transport.destinations import AddressRule, Limits
from transport.envelope import Host, Stage
from transport.host_policy import NO_POLICY, HostPolicy
from transport.tls_policies import HostRefused, PolicyHost, PolicyStore, PublishedPolicies

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MX = Host(name="mx.fabrikam.test", address="127.0.0.1", port=25)
OTHER = Host(name="mx.evil.test", address="127.0.0.1", port=25)
DEMANDED = HostPolicy(source="MTA-STS", required=True, verify=True, names=(MX.name,), server_name=MX.name)


@pytest.fixture
def published(policy_server, ca_file, nameserver, tmp_path):
    def build(**options):
        given = {
            "domain": "Fabrikam.test",
            "dns_servers": (nameserver.address,),
            "dane": False,
            "validating": False,
            "mta_sts": True,
            "policy_host": PolicyHost(port=policy_server.port, ca_file=ca_file),
            "store": PolicyStore(tmp_path / "mta-sts"),
            "address_rule": AddressRule.allowing(["127.0.0.0/8"]),
            "now": NOW,
            "limits": Limits(per_server=timedelta(seconds=0.3)),
        }
        return PublishedPolicies(**{**given, **options})

    return build


def test_under_enforce_a_listed_host_must_prove_its_name(published):
    assert published().for_host(MX) == DEMANDED


def test_under_enforce_a_host_that_is_not_listed_is_not_dialled(published):
    policies = published()

    with pytest.raises(HostRefused) as raised:
        policies.for_host(OTHER)
    reply = raised.value.reply
    assert (reply.code, reply.enhanced, reply.stage, reply.host) == (451, "4.4.8", Stage.DNS, OTHER.name)
    assert reply.text == "the MTA-STS policy of Fabrikam.test does not list mx.evil.test: it is not dialled"
    assert policies.for_host(MX) == DEMANDED


def test_under_testing_mail_goes_as_without_a_policy_and_the_note_says_what_would_not_do(
    published, policy_server
):
    policy_server.answer = answer(ENFORCE.replace(b"enforce", b"testing"))
    policies = published()

    assert policies.for_host(MX) == HostPolicy(note="the MTA-STS policy is in testing")
    assert policies.for_host(OTHER).note == (
        "the MTA-STS policy of Fabrikam.test does not list mx.evil.test, and is in testing"
    )
    assert not policies.for_host(OTHER).required


def test_mode_none_is_no_policy(published, policy_server):
    policy_server.answer = answer(ENFORCE.replace(b"enforce", b"none"))

    assert published().for_host(OTHER) == NO_POLICY


def test_without_the_option_nobody_is_asked(published, policy_server):
    assert published(mta_sts=False, dns_servers=("192.0.2.1",)).for_host(OTHER) == NO_POLICY
    assert not policy_server.connections


def test_an_address_literal_has_no_policy(published):
    assert published(domain="[127.0.0.1]").for_host(MX) == NO_POLICY


def test_a_record_that_cannot_be_looked_up_makes_every_host_wait_and_is_asked_for_once(published):
    with FaultyDns(lambda _name, _kind: "SERVFAIL") as server:
        policies = published(dns_servers=(server.address,))
        for host in (MX, OTHER):
            with pytest.raises(HostRefused) as raised:
                policies.for_host(host)
            assert raised.value.reply.line.startswith(
                "451 4.4.0 MTA-STS: it cannot be known whether Fabrikam.test has a policy: TXT of _mta-sts"
            )
        assert server.asked.count(("_mta-sts.fabrikam.test", "TXT")) == 1


def test_a_policy_that_cannot_be_fetched_is_noted_and_mail_goes(published, policy_server):
    policy_server.answer = b""
    found = published().for_host(MX)

    assert found.note.startswith("the MTA-STS policy cannot be fetched: ")
    assert not found.required


def test_dane_without_a_trusted_validator_is_noted(published, nameserver):
    nameserver.reload({"test": "fabrikam MX 10 mx.fabrikam"})
    found = published(dane=True).for_host(MX)

    assert found == HostPolicy(
        note="DANE is not looked for: no DNS server of this list is trusted to validate"
    )
