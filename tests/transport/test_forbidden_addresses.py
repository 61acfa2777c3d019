"""Where the DNS of strangers must not send us, by a real zone served by NSD."""

from dataclasses import replace

import pytest

from tests.support.nameserver import Nameserver
from transport.destinations import AddressRule, DestinationFailed, Destinations
from transport.destinations.forbidden import read_network
from transport.envelope import Stage

ZONE = """
loop        MX 10 loop
loop        A 127.0.0.2
implicit    A 169.254.169.254
alias       CNAME implicit
mxalias     MX 10 alias
six         MX 10 six
six         AAAA ::1
mapped      AAAA ::ffff:127.0.0.5
mixed       MX 10 loop
mixed       MX 20 relay
relay       A 10.1.2.3
mine        MX 10 me
me          A 127.0.0.7
unsure      MX 10 me
unsure      MX 5 loop
"""
ALL = AddressRule()


@pytest.fixture(scope="module")
def nameserver():
    with Nameserver({"test": ZONE}) as server:
        yield server


@pytest.fixture
def destinations(nameserver):
    return Destinations(
        dns_servers=(nameserver.address,), own_listeners=("127.0.0.7:2525",), port=2525, address_rule=ALL
    )


def reply_for(destinations, domain):
    with pytest.raises(DestinationFailed) as caught:
        destinations.hosts_for_domain(domain)
    return caught.value.reply


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104 - looked at, never bound
        ("0.1.2.3", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("169.254.169.254", "link-local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("ff02::1", "multicast"),
        ("::127.0.0.1", "loopback address in disguise"),
        ("::ffff:127.0.0.1", "loopback address in disguise"),
        ("::ffff:0:127.0.0.1", "loopback address in disguise"),
        ("64:ff9b::127.0.0.1", "loopback address in disguise"),
        ("64:ff9b::a9fe:a9fe", "link-local address in disguise"),
        ("64:ff9b:1::7f00:1", "loopback address in disguise"),
        ("2002:7f00:1::", "loopback address in disguise"),
    ],
)
def test_an_address_that_is_forbidden_is_named_for_what_it_is(address, what):
    assert what in ALL.objection(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "126.255.255.255",
        "128.0.0.1",
        "fd00::25",
        "2001:db8::25",
        "64:ff9b::192.0.2.1",
        "2002:c000:201::",
    ],
)
def test_other_addresses_private_ones_too_may_be_dialled(address):
    assert not ALL.objection(address)


@pytest.mark.parametrize(
    ("domain", "host", "address"),
    [
        ("loop.test", "loop.test", "127.0.0.2, a loopback address"),
        ("implicit.test", "implicit.test", "169.254.169.254, a link-local address"),
        ("alias.test", "alias.test", "169.254.169.254, a link-local address"),
        ("mxalias.test", "alias.test", "169.254.169.254, a link-local address"),
        ("six.test", "six.test", "::1, a loopback address"),
        ("mapped.test", "mapped.test", "127.0.0.5, a loopback address"),
        ("[127.0.0.1]", "[127.0.0.1]", "127.0.0.1, a loopback address"),
        ("[IPv6:::ffff:127.0.0.1]", "[127.0.0.1]", "127.0.0.1, a loopback address"),
    ],
)
def test_mail_for_a_domain_that_leads_only_there_waits_and_the_reason_says_what_to_do(
    destinations, domain, host, address
):
    reply = reply_for(destinations, domain)

    assert (reply.code, reply.enhanced, reply.stage, reply.remote) == (451, "4.4.4", Stage.DNS, False)
    assert f"{host} at {address}" in reply.text
    assert "Set-TransportService -AllowedMxNetworks" in reply.text


def test_an_address_in_octal_is_no_address(destinations):
    assert reply_for(destinations, "[0177.0.0.1]").code == 554


def test_the_hosts_of_a_domain_that_are_not_forbidden_are_dialled(destinations):
    assert [host.address for host in destinations.hosts_for_domain("mixed.test")] == ["10.1.2.3"]


def test_a_network_that_is_listed_is_dialled(destinations):
    listed = replace(destinations, address_rule=AddressRule.allowing(["127.0.0.2/32"]))

    assert [host.address for host in listed.hosts_for_domain("mixed.test")] == ["127.0.0.2", "10.1.2.3"]
    assert reply_for(listed, "six.test").enhanced == "4.4.4"


def test_a_loop_to_ourselves_is_still_called_a_loop(destinations):
    assert reply_for(destinations, "mine.test").enhanced == "5.4.6"


def test_a_forbidden_host_ahead_of_ourselves_makes_the_mail_wait(destinations):
    """Ours is no better host: without the forbidden one, nobody is left to whom mail could go."""
    assert reply_for(destinations, "unsure.test").enhanced == "4.4.4"


def test_smart_hosts_are_the_administrators_own_word(destinations):
    assert [host.address for host in destinations.hosts_for_smart_host("127.0.0.9")] == ["127.0.0.9"]
    assert [host.address for host in destinations.hosts_for_smart_host("loop.test")] == ["127.0.0.2"]


@pytest.mark.parametrize(
    ("typed", "kept"), [("127.0.0.0/8", "127.0.0.0/8"), (" ::1 ", "::1/128"), ("10.0.0.1", "10.0.0.1/32")]
)
def test_a_network_is_kept_in_its_canonical_form(typed, kept):
    assert read_network(typed) == kept


@pytest.mark.parametrize("typed", ["", "127.0.0.1/8", "localhost", "0177.0.0.1", "::1%lo"])
def test_what_is_no_network_is_refused_with_an_example(typed):
    with pytest.raises(ValueError, match="is not a network like"):
        read_network(typed)
