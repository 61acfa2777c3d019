"""What becomes of mail when DNS servers misbehave: never a bounce without a clear answer."""

import subprocess
import sys
from datetime import timedelta
from itertools import count

import dnslib
import pytest
import time_machine

from tests.support.faulty_dns import SILENCE, TRUNCATED, FaultyDns
from transport.destinations import DestinationFailed, Destinations, Limits, forget
from transport.destinations.resolver import LONGEST_CACHED, SYSTEM_CONFIGURATION, resolver_for

HASTY = Limits(total=timedelta(seconds=1), per_server=timedelta(seconds=0.5))
"""For servers that never answer."""
PRESSED = Limits(
    total=timedelta(seconds=20), per_server=timedelta(seconds=0.5), per_name=timedelta(seconds=1)
)
"""For names that hang beside others that do not."""


def look_up(*servers, domain="contoso.test", limits=Limits()):  # noqa: B008 -- frozen
    return Destinations(dns_servers=tuple(servers), limits=limits).hosts_for_domain(domain)


def failure(*servers, **options):
    with pytest.raises(DestinationFailed) as caught:
        look_up(*servers, **options)
    return caught.value.reply


def by_kind(**answers):
    return lambda _name, kind: answers.get(kind, "")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_a_server_that_will_not_answer_defers_and_is_named(rcode):
    with FaultyDns(by_kind(MX=rcode)) as server:
        reply = failure(server.address)

        assert (reply.code, reply.enhanced) == (451, "4.4.0")
        assert f"MX of contoso.test: {server.address} answered {rcode}" in reply.text


def test_silence_defers_and_names_the_server():
    with FaultyDns(by_kind(MX=SILENCE)) as server:
        reply = failure(server.address, limits=HASTY)

        assert (reply.code, reply.enhanced) == (451, "4.4.0")
        assert f"{server.address} did not answer" in reply.text


def test_the_next_server_is_asked_only_when_the_first_does_not_answer():
    with (
        FaultyDns(by_kind(MX="contoso.test. 0 MX 10 m.test.", A="m.test. 0 A 127.0.0.2")) as good,
        FaultyDns(by_kind(MX=SILENCE, A=SILENCE, AAAA=SILENCE)) as silent,
    ):
        look_up(good.address, silent.address)
        unasked = list(silent.asked)
        hosts = look_up(silent.address, good.address, limits=Limits(per_server=timedelta(seconds=0.1)))

        assert unasked == []
        assert [host.address for host in hosts] == ["127.0.0.2"]
        assert ("contoso.test", "MX") in silent.asked


def test_a_failing_ipv6_lookup_does_not_block_ipv4():
    for trouble in ("SERVFAIL", SILENCE, "NXDOMAIN"):
        rules = by_kind(MX="contoso.test. 0 MX 10 m.test.", A="m.test. 0 A 127.0.0.2", AAAA=trouble)
        with FaultyDns(rules) as server:
            found = look_up(server.address, limits=PRESSED)
            assert [host.address for host in found] == ["127.0.0.2"]


def test_a_failing_ipv4_lookup_does_not_block_ipv6():
    rules = by_kind(MX="contoso.test. 0 MX 10 m.test.", A="SERVFAIL", AAAA="m.test. 0 AAAA ::1")
    with FaultyDns(rules) as server:
        assert [host.address for host in look_up(server.address)] == ["::1"]


def test_exchangers_whose_address_cannot_be_had_defer():
    with FaultyDns(by_kind(MX="contoso.test. 0 MX 10 m.test.", A="SERVFAIL")) as server:
        reply = failure(server.address)

        assert (reply.code, reply.enhanced) == (451, "4.4.4")
        assert "A of m.test" in reply.text


def test_one_exchanger_in_doubt_defers_though_the_others_are_proven_dead():
    def answer(name, kind):
        if kind == "MX":
            return "contoso.test. 0 MX 10 dead.test.\ncontoso.test. 0 MX 20 doubtful.test."
        return "NXDOMAIN" if name == "dead.test" else "SERVFAIL"

    with FaultyDns(answer) as server:
        assert failure(server.address).code == 451


def test_a_better_exchanger_in_doubt_defers_rather_than_calling_it_a_loop():
    def answer(name, kind):
        if kind == "MX":
            return "contoso.test. 0 MX 10 doubtful.test.\ncontoso.test. 0 MX 20 us.test."
        return "us.test. 0 A 127.0.0.1" if (name, kind) == ("us.test", "A") else "SERVFAIL"

    with FaultyDns(answer) as server:
        ours = Destinations(dns_servers=(server.address,), own_listeners=("127.0.0.1:25",))
        with pytest.raises(DestinationFailed) as caught:
            ours.hosts_for_domain("contoso.test")

        assert caught.value.temporary


def test_an_exchanger_that_hangs_leaves_time_for_the_next():
    def answer(name, kind):
        if kind == "MX":
            return "contoso.test. 0 MX 10 hangs.test.\ncontoso.test. 0 MX 20 lives.test."
        return SILENCE if name == "hangs.test" else "lives.test. 0 A 127.0.0.2" if kind == "A" else ""

    with FaultyDns(answer) as server:
        assert [host.name for host in look_up(server.address, limits=PRESSED)] == ["lives.test"]


def test_a_temporary_failure_is_not_remembered():
    asked = count()

    def answer(_name, kind):
        if next(asked) == 0:
            return "SERVFAIL"
        return "contoso.test. 0 A 127.0.0.2" if kind == "A" else ""

    with FaultyDns(answer) as server:
        first = failure(server.address)

        assert first.code == 451
        assert [host.address for host in look_up(server.address)] == ["127.0.0.2"]


def test_a_truncated_answer_is_fetched_over_tcp():
    records = "\n".join(f"contoso.test. 0 MX {number} m{number}.test." for number in range(1, 200))

    def over_tcp(name, kind):
        return {"MX": records, "A": f"{name}. 0 A 127.0.0.2"}.get(kind, "")

    with FaultyDns(by_kind(MX=TRUNCATED, A=TRUNCATED), over_tcp=over_tcp) as server:
        assert look_up(server.address)[0].name == "m1.test"


def test_a_referral_is_no_proof_that_there_is_no_mail():
    def referral(name, kind):
        reply = dnslib.DNSRecord(
            dnslib.DNSHeader(qr=1, aa=0, ra=0), q=dnslib.DNSQuestion(name, getattr(dnslib.QTYPE, kind))
        )
        reply.add_auth(*dnslib.RR.fromZone("test. 0 NS ns.test."))
        return reply

    with FaultyDns(referral) as server:
        reply = failure(server.address)

        assert reply.code == 451
        assert "does not resolve for this server" in reply.text


def test_an_answer_to_another_question_is_not_believed():
    def forged(_name, _kind):
        reply = dnslib.DNSRecord(
            dnslib.DNSHeader(qr=1, aa=1, ra=1), q=dnslib.DNSQuestion("evil.test", dnslib.QTYPE.MX)
        )
        reply.add_answer(*dnslib.RR.fromZone("contoso.test. 0 MX 1 evil.test."))
        return reply

    with FaultyDns(forged) as server:
        assert failure(server.address, limits=HASTY).code == 451


def test_records_beside_the_answer_are_not_believed():
    stuffed = "contoso.test. 0 MX 10 m.test.\nother.test. 0 MX 1 evil.test."
    with FaultyDns(lambda name, kind: {"MX": stuffed, "A": f"{name}. 0 A 127.0.0.2"}.get(kind, "")) as server:
        assert [host.name for host in look_up(server.address)] == ["m.test"]


def test_an_endless_walk_along_aliases_ends():
    steps = count(1)
    with FaultyDns(lambda name, _kind: f"{name}. 0 CNAME n{next(steps)}.test.") as server:
        reply = failure(server.address)

        assert reply.code == 451
        assert "CNAME" in reply.text
        assert len(server.asked) <= 10


def test_a_huge_time_to_live_does_not_bind_us_for_years():
    with FaultyDns(lambda name, kind: f"{name}. 2147483647 A 127.0.0.2" if kind == "A" else "") as server:
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as traveller:
            look_up(server.address)
            look_up(server.address)
            asked_once = server.asked.count(("contoso.test", "A"))
            traveller.shift(LONGEST_CACHED + timedelta(seconds=1))
            look_up(server.address)
            asked_again = server.asked.count(("contoso.test", "A"))
        forget()

    assert (asked_once, asked_again) == (1, 2)


@pytest.mark.parametrize("servers", [("nonsense",), ("127.0.0.1:99999",), ("dns.contoso.test:53",)])
def test_an_unusable_list_of_servers_defers_and_names_the_entry(servers):
    reply = failure(*servers)

    assert (reply.code, reply.enhanced) == (451, "4.4.0")
    assert servers[0] in reply.text


def test_without_a_list_the_system_list_is_used_and_shared():
    if not SYSTEM_CONFIGURATION.exists():
        pytest.fail(f"{SYSTEM_CONFIGURATION} is missing on this machine")

    resolver = resolver_for((), per_server=timedelta(seconds=5))

    assert resolver is resolver_for((), per_server=timedelta(seconds=5))
    assert resolver is not resolver_for(("127.0.0.1",), per_server=timedelta(seconds=5))


def test_a_smart_host_whose_mx_cannot_be_asked_is_still_found_by_address():
    with FaultyDns(by_kind(MX="SERVFAIL", A="relay.test. 0 A 127.0.0.2")) as server:
        found = Destinations(dns_servers=(server.address,)).hosts_for_smart_host("relay.test")

        assert [host.address for host in found] == ["127.0.0.2"]


def test_a_smart_host_with_a_null_mx_is_still_a_host():
    with FaultyDns(by_kind(MX="relay.test. 0 MX 0 .", A="relay.test. 0 A 127.0.0.2")) as server:
        found = Destinations(dns_servers=(server.address,)).hosts_for_smart_host("relay.test")

        assert [host.address for host in found] == ["127.0.0.2"]


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from datetime import timedelta
from transport.destinations import DestinationFailed, Destinations, Limits

silent, good = sys.argv[1:]
ended = []

def ask(server):
    limits = Limits(total=timedelta(seconds=1), per_server=timedelta(seconds=1))
    try:
        hosts = Destinations(dns_servers=(server,), limits=limits).hosts_for_domain("contoso.test")
        ended.append(hosts[0].address)
    except DestinationFailed as failure:
        ended.append(failure.reply.code)

gevent.joinall([gevent.spawn(ask, silent), gevent.spawn(ask, good)])
print(*ended)
"""


def test_under_gevent_a_silent_server_does_not_hold_up_other_lookups():
    with (
        FaultyDns(by_kind(MX=SILENCE)) as silent,
        FaultyDns(by_kind(A="contoso.test. 0 A 127.0.0.2")) as good,
    ):
        ran = subprocess.run(
            [sys.executable, "-c", GREENLETS, silent.address, good.address],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert ran.stdout.split() == ["127.0.0.2", "451"], ran.stderr
