"""What the rules of RFC 5321 section 5 make of a real zone, served by NSD."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.profiles import IpFamily
from tests.support.nameserver import Nameserver
from transport.destinations import DestinationFailed, Destinations, Limits, forget
from transport.envelope import Stage

CHAIN = "\n".join(f"c{number} CNAME c{number + 1}" for number in range(12)) + "\nc12 MX 10 m1"
CROWD = "\n".join(
    f"crowd MX {number} m{number}.crowd\nm{number}.crowd A 127.1.0.{number}" for number in range(1, 31)
)
WIDE = "\n".join(f"wide A 127.2.0.{number}\nwide AAAA fd00::{number}" for number in range(1, 21))
ZONE = f"""
null       MX 0 .
nullplus   MX 0 .
nullplus   MX 10 m1
many       MX 10 m1
many       MX 10 m2
many       MX 20 m3
cnmx       MX 10 alias
alias      CNAME m1
cn         CNAME many
abroad     CNAME many.example.
noaddr     MX 10 nowhere
noaddr     A 127.0.0.9
ipmx       MX 10 127.0.0.1
ipmxok     MX 10 127.0.0.1
ipmxok     MX 20 m2
odd        MX 10 under\\032score
oneless    MX 10 nowhere
oneless    MX 20 m2
sub        A 127.0.0.4
nothing    TXT "neither MX nor address"
l1         CNAME l2
l2         CNAME l1
mine       MX 10 m1
mine       MX 20 e15mb1
mine       MX 20 m2
mine       MX 30 m3
onlymine   MX 10 e15mb1
onlymine   MX 20 m1
byaddress  MX 10 m1
byaddress  MX 20 disguised
byaddress  MX 30 m2
disguised  A 127.0.0.7
e15mb1     A 127.0.0.7
xn--bcher-kva MX 10 m1
mapped     AAAA ::ffff:127.0.0.5
relay      MX 5 m2
relay      MX 7 m1
relay      A 127.0.0.6
m1         A 127.0.0.2
m2         A 127.0.0.3
m2         AAAA ::1
m3         AAAA ::1
{CHAIN}
{CROWD}
{WIDE}
"""


@pytest.fixture(scope="module")
def nameserver():
    with Nameserver({"test": ZONE, "example": "many MX 10 m\nm A 127.0.0.8"}) as server:
        yield server


@pytest.fixture
def destinations(nameserver):
    return Destinations(
        dns_servers=(nameserver.address,),
        own_names=frozenset({"E15MB1.test"}),
        own_listeners=("127.0.0.7:2525",),
        port=2525,
    )


def addresses(hosts):
    return [host.address for host in hosts]


def failure_for(destinations, domain):
    with pytest.raises(DestinationFailed) as caught:
        destinations.hosts_for_domain(domain)
    return caught.value


def test_exchangers_come_by_preference_with_their_port(destinations):
    hosts = destinations.hosts_for_domain("many.test")

    assert [host.preference for host in hosts] == [10, 10, 10, 20][: len(hosts)]
    assert {host.name for host in hosts[:2]} <= {"m1.test", "m2.test"}
    assert {host.port for host in hosts} == {2525}


def test_equal_preferences_are_tried_in_random_order(destinations):
    first = Counter(destinations.hosts_for_domain("many.test")[0].name for _ in range(200))

    # A fair coin stays within these bounds but once in ten million runs.
    assert 62 <= first["m1.test"] <= 138
    assert first["m1.test"] + first["m2.test"] == 200


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        (IpFamily.IPV4_ONLY, ["127.0.0.3", "127.0.0.2"]),
        (IpFamily.IPV6_ONLY, ["::1"]),
        (IpFamily.PREFER_IPV4, ["127.0.0.3", "::1", "127.0.0.2"]),
        (IpFamily.PREFER_IPV6, ["::1", "127.0.0.3", "127.0.0.2"]),
    ],
)
def test_the_ip_family_of_the_connector_chooses_and_orders_within_a_host(destinations, family, wanted):
    chosen = replace(destinations, ip_family=family)

    assert addresses(chosen.hosts_for_domain("relay.test")) == wanted
    assert addresses(chosen.hosts_for_smart_host("relay.test")) == wanted


@pytest.mark.parametrize(
    ("family", "domain"),
    [
        (IpFamily.IPV6_ONLY, "sub.test"),
        (IpFamily.IPV4_ONLY, "m3.test"),
        (IpFamily.IPV6_ONLY, "[192.0.2.1]"),
        (IpFamily.IPV4_ONLY, "[IPv6:2001:db8::1]"),
    ],
)
def test_a_domain_without_an_address_of_the_family_waits_and_is_never_returned(destinations, family, domain):
    failure = failure_for(replace(destinations, ip_family=family), domain)

    assert failure.temporary
    assert failure.reply.enhanced == "4.4.4"
    assert str(family) in failure.reply.text
    assert "IpFamily or SourceIPAddress" in failure.reply.text


def test_a_domain_that_does_not_exist_is_returned_whatever_the_family(destinations):
    for family in IpFamily:
        assert not failure_for(replace(destinations, ip_family=family), "nowhere.test").temporary


def test_both_address_families_are_tried(destinations):
    assert set(addresses(destinations.hosts_for_domain("relay.test"))) >= {"127.0.0.3", "::1", "127.0.0.2"}


def test_a_domain_with_only_an_address_is_its_own_exchanger(destinations):
    (host,) = destinations.hosts_for_domain("sub.test")

    assert (host.name, host.address, host.preference) == ("sub.test", "127.0.0.4", 0)


@pytest.mark.parametrize("domain", ["cn.test", "CN.Test.", "many.test"])
def test_an_alias_for_the_domain_is_followed(destinations, domain):
    assert set(addresses(destinations.hosts_for_domain(domain))) == {"127.0.0.2", "127.0.0.3", "::1"}


def test_an_alias_that_leaves_the_zone_is_asked_for_again(destinations):
    assert addresses(destinations.hosts_for_domain("abroad.test")) == ["127.0.0.8"]


def test_an_exchanger_that_is_an_alias_is_tolerated(destinations):
    (host,) = destinations.hosts_for_domain("cnmx.test")

    assert (host.name, host.address) == ("alias.test", "127.0.0.2")


@pytest.mark.parametrize("domain", ["l1.test", "c0.test"])
def test_a_loop_or_a_long_chain_of_aliases_is_tried_again_later(destinations, domain):
    failure = failure_for(destinations, domain)

    assert failure.temporary
    assert "CNAME" in failure.reply.text


def test_eight_aliases_are_followed(destinations):
    assert addresses(destinations.hosts_for_domain("c4.test")) == ["127.0.0.2"]


def test_a_null_mx_ends_the_message_at_once(destinations):
    reply = failure_for(destinations, "null.test").reply

    assert (reply.code, reply.enhanced) == (556, "5.1.10")
    assert (reply.stage, reply.remote, reply.host) == (Stage.DNS, False, "null.test")


def test_a_null_mx_beside_a_real_one_is_an_invalid_record(destinations):
    assert addresses(destinations.hosts_for_domain("nullplus.test")) == ["127.0.0.2"]


def test_a_domain_that_does_not_exist_ends_the_message(destinations):
    reply = failure_for(destinations, "nx.test").reply

    assert reply.line == "554 5.4.4 SMTPSEND.DNS.NonExistentDomain; nonexistent domain nx.test"


@pytest.mark.parametrize("domain", ["noaddr.test", "ipmx.test", "odd.test"])
def test_an_mx_set_that_leads_nowhere_never_falls_back_to_the_address(destinations, domain):
    failure = failure_for(destinations, domain)

    assert (failure.reply.code, failure.reply.enhanced) == (554, "5.4.4")
    assert domain in failure.reply.text


@pytest.mark.parametrize("domain", ["ipmxok.test", "oneless.test"])
def test_a_useless_exchanger_does_not_spoil_the_next(destinations, domain):
    assert set(addresses(destinations.hosts_for_domain(domain))) == {"127.0.0.3", "::1"}


def test_a_domain_with_neither_exchanger_nor_address_ends_the_message(destinations):
    reply = failure_for(destinations, "nothing.test").reply

    assert (reply.code, reply.enhanced) == (554, "5.4.4")
    assert "neither a mail exchanger nor an address" in reply.text


def test_our_own_name_cuts_itself_and_what_is_not_better(nameserver):
    named = Destinations(dns_servers=(nameserver.address,), own_names=frozenset({"E15MB1.test."}))

    assert addresses(named.hosts_for_domain("mine.test")) == ["127.0.0.2"]
    assert failure_for(named, "onlymine.test").reply.enhanced == "5.4.6"


def test_our_own_address_cuts_itself_and_what_is_not_better(destinations):
    assert addresses(destinations.hosts_for_domain("byaddress.test")) == ["127.0.0.2"]


def test_our_own_address_on_another_port_is_another_server(nameserver):
    elsewhere = Destinations(dns_servers=(nameserver.address,), own_listeners=("127.0.0.7:2525",), port=2526)

    assert "127.0.0.7" in addresses(elsewhere.hosts_for_domain("byaddress.test"))


@pytest.mark.parametrize("listener", ["0.0.0.0:2525", ":2525", "localhost:2525"])
def test_a_listener_on_every_address_is_reached_through_any_of_this_machine(nameserver, listener):
    everywhere = Destinations(dns_servers=(nameserver.address,), own_listeners=(listener,), port=2525)

    assert failure_for(everywhere, "sub.test").reply.enhanced == "5.4.6"


@pytest.mark.parametrize("domain", ["onlymine.test", "disguised.test", "e15mb1.test", "[127.0.0.7]"])
def test_an_mx_that_points_back_to_us_is_a_loop_that_ends_the_message(destinations, domain):
    reply = failure_for(destinations, domain).reply

    assert (reply.code, reply.enhanced) == (554, "5.4.6")
    assert "points to this server (loop)" in reply.text


def test_a_crowd_of_exchangers_is_cut_to_the_twenty_best(destinations):
    hosts = destinations.hosts_for_domain("crowd.test")

    assert [host.preference for host in hosts] == list(range(1, 21))


def test_a_crowd_of_addresses_is_cut_to_ten_of_both_families(destinations):
    found = addresses(destinations.hosts_for_domain("wide.test"))

    assert len(found) == 10
    assert sum(":" in address for address in found) == 5


def test_a_mapped_address_is_shown_as_what_is_dialled(destinations):
    assert addresses(destinations.hosts_for_domain("mapped.test")) == ["127.0.0.5"]


def test_an_internationalized_domain_is_asked_for_in_a_labels(destinations):
    assert addresses(destinations.hosts_for_domain("BÜCHER.test")) == ["127.0.0.2"]


@pytest.mark.parametrize(
    ("literal", "address"),
    [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:DB8::1]", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1")],
)
def test_an_address_literal_is_dialled_without_dns(literal, address):
    without_dns = Destinations(dns_servers=("127.0.0.1:1",))

    assert addresses(without_dns.hosts_for_domain(literal)) == [address]


NO_DOMAINS = (
    *("", ".", "a..b", "[300.1.1.1]", "192.0.2.1", "0177.0.0.1", "a b.test", "x\r\ny.test", "-a.test"),
    *("a" * 64, "\ud800.test", "xn--\xfc.test", "a." * 127 + "aa"),
)


@pytest.mark.parametrize("domain", NO_DOMAINS)
def test_what_is_no_domain_ends_the_message_in_one_clean_line(destinations, domain):
    reply = failure_for(destinations, domain).reply

    assert (reply.code, reply.enhanced) == (554, "5.1.3")
    assert reply.line.isascii()
    assert reply.line.isprintable()
    assert len(reply.line) < 600


def test_a_smart_host_is_looked_up_as_mx_first(destinations):
    assert addresses(destinations.hosts_for_smart_host("relay.test"))[-1] == "127.0.0.2"
    assert "127.0.0.6" not in addresses(destinations.hosts_for_smart_host("relay.test"))


def test_a_smart_host_without_mx_is_its_address(destinations):
    assert addresses(destinations.hosts_for_smart_host("sub.test")) == ["127.0.0.4"]


@pytest.mark.parametrize("written", ["192.0.2.7", "[192.0.2.7]"])
def test_a_smart_host_given_as_address_is_that_address(destinations, written):
    (host,) = destinations.hosts_for_smart_host(written)

    assert (host.name, host.address, host.port) == ("192.0.2.7", "192.0.2.7", 2525)


def test_a_smart_host_on_this_machine_but_another_port_is_no_loop(nameserver):
    scanner = Destinations(
        dns_servers=(nameserver.address,),
        own_names=frozenset({"e15mb1.test"}),
        own_listeners=("127.0.0.7:2525",),
        port=10025,
    )

    assert addresses(scanner.hosts_for_smart_host("e15mb1.test")) == ["127.0.0.7"]


@pytest.mark.parametrize("smart_host", ["nx.test", "nothing.test", "127.0.0.7", "onlymine.test", "a..b"])
def test_a_wrong_smart_host_never_ends_a_message(destinations, smart_host):
    with pytest.raises(DestinationFailed) as caught:
        destinations.hosts_for_smart_host(smart_host)

    assert caught.value.temporary
    assert caught.value.reply.code == 451
    assert caught.value.reply.enhanced.startswith("4.")


def test_answers_are_remembered_for_their_time_to_live_and_forgotten_on_demand():
    with Nameserver({"test": "old MX 10 m\nm A 127.0.0.2"}, ttl=300) as server:
        lasting = Destinations(dns_servers=(server.address,))
        before = addresses(lasting.hosts_for_domain("old.test"))
        absent = failure_for(lasting, "new.test").reply.code
        server.reload({"test": "old MX 10 m\nnew MX 10 m\nm A 127.0.0.3"})
        remembered = addresses(Destinations(dns_servers=(server.address,)).hosts_for_domain("old.test"))
        still_absent = failure_for(lasting, "new.test").reply.code
        forget()
        after = addresses(lasting.hosts_for_domain("old.test"))
        present = addresses(lasting.hosts_for_domain("new.test"))

    assert before == remembered == ["127.0.0.2"]
    assert absent == still_absent == 554
    assert after == present == ["127.0.0.3"]


def test_a_time_to_live_of_zero_is_not_remembered():
    with Nameserver({"test": "old A 127.0.0.2"}, ttl=0) as server:
        fresh = Destinations(dns_servers=(server.address,))
        fresh.hosts_for_domain("old.test")
        server.reload({"test": "old A 127.0.0.3"})

        assert addresses(fresh.hosts_for_domain("old.test")) == ["127.0.0.3"]


def test_a_stopped_name_server_defers_and_its_return_delivers():
    hasty = Limits(total=timedelta(seconds=0.5), per_server=timedelta(seconds=0.25))
    with Nameserver({"test": "sub A 127.0.0.4"}) as server:
        server.stop()
        failure = failure_for(Destinations(dns_servers=(server.address,), limits=hasty), "sub.test")
        server.start()
        patient = Destinations(dns_servers=(server.address,))

        assert failure.temporary
        assert failure.reply.line.startswith("451 4.4.0 DNS query failed.")
        assert f"{server.address} did not answer" in failure.reply.text
        assert addresses(patient.hosts_for_domain("sub.test")) == ["127.0.0.4"]


def test_a_missing_nsd_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)

    with pytest.raises(RuntimeError, match="install the package nsd"), Nameserver({"test": ""}):
        pass
