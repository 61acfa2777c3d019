"""Which policy counts: record, memory and fetch, with a real DNS server and a real policy host."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.faulty_dns import SILENCE, FaultyDns
from tests.support.policy_server import ENFORCE, answer
from tests.transport.tls_policies.conftest import RECORD, ZONE
from transport.destinations import AddressRule, Limits, forget
from transport.destinations.lookup import Lookup
from transport.destinations.resolver import LookupFailed
from transport.tls_policies.discovery import TRY_AGAIN_AFTER, Discovery
from transport.tls_policies.mta_sts import Mode
from transport.tls_policies.policy_host import PolicyHost
from transport.tls_policies.store import MAX_ENTRIES, Entry, PolicyStore, one_at_a_time

DOMAIN = "fabrikam.test"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LOOPBACK = AddressRule.allowing(["127.0.0.0/8"])
IMPATIENT = Limits(total=timedelta(seconds=1), per_server=timedelta(seconds=0.2))


@pytest.fixture
def store(tmp_path):
    return PolicyStore(tmp_path / "mta-sts")


@pytest.fixture
def current(policy_server, ca_file, store, nameserver):
    """Ask as a session would, at a moment; each call looks the record up anew."""

    def ask(*, at=NOW, dns=None, rule=LOOPBACK, domain=DOMAIN):
        forget()
        discovery = Discovery(
            lookup=Lookup((dns or nameserver.address,), limits=IMPATIENT),
            host=PolicyHost(port=policy_server.port, ca_file=ca_file),
            store=store,
            address_rule=rule,
        )
        return discovery.current(domain, now=at)

    return ask


@pytest.fixture
def broken_dns():
    with FaultyDns(lambda _name, _kind: "SERVFAIL") as server:
        yield server.address


def test_a_policy_is_fetched_once_and_remembered(current, policy_server):
    assert [current().policy.mode for _ in range(3)] == [Mode.ENFORCE] * 3
    assert len(policy_server.requests) == 1


def test_what_is_remembered_survives_a_restart(current, policy_server, tmp_path):
    first = current().policy

    assert PolicyStore(tmp_path / "mta-sts").read(DOMAIN).policy == first
    assert len(policy_server.requests) == 1


def test_a_domain_without_a_record_has_no_policy_and_nobody_is_asked(current, nameserver, policy_server):
    nameserver.reload({"test": ZONE})

    assert current().policy is None
    assert current().note == ""
    assert not policy_server.connections


def test_a_new_id_brings_the_new_policy(current, nameserver, policy_server):
    current()
    nameserver.reload({"test": ZONE + RECORD.replace("20261127", "20261128")})
    policy_server.answer = answer(ENFORCE.replace(b"enforce", b"none"))

    assert current().policy.mode is Mode.NONE
    assert len(policy_server.requests) == 2


def test_a_policy_counts_while_its_time_lasts_though_record_and_host_are_gone(
    current, nameserver, policy_server
):
    current()
    nameserver.reload({"test": ZONE})
    policy_server.answer = b""

    assert current(at=NOW + DAY - timedelta(seconds=1)).policy.mode is Mode.ENFORCE
    assert current(at=NOW + DAY).policy is None


@pytest.mark.parametrize("trouble", ["SERVFAIL", "REFUSED", SILENCE])
def test_a_record_that_cannot_be_looked_up_leaves_what_is_remembered(current, trouble):
    current()
    with FaultyDns(lambda _name, _kind: trouble) as server:
        assert current(dns=server.address).policy.mode is Mode.ENFORCE


@pytest.mark.parametrize("trouble", ["SERVFAIL", "REFUSED", SILENCE])
def test_a_record_that_cannot_be_looked_up_is_no_proof_that_there_is_no_policy(current, trouble):
    with FaultyDns(lambda _name, _kind: trouble) as server, pytest.raises(LookupFailed, match="_mta-sts"):
        current(dns=server.address)


def test_a_policy_that_has_run_out_does_not_count_when_the_record_cannot_be_looked_up(current, broken_dns):
    current()

    with pytest.raises(LookupFailed):
        current(at=NOW + 2 * DAY, dns=broken_dns)


def test_a_policy_never_seen_that_cannot_be_fetched_is_none_and_the_note_says_why(current, policy_server):
    """RFC 8461 section 3.3."""
    policy_server.answer = answer(status="404 Not Found")
    found = current()

    assert found.policy is None
    assert found.note == (
        "the MTA-STS policy cannot be fetched: mta-sts.fabrikam.test answered with status 404,"
        " and only 200 will do"
    )


def test_a_policy_host_that_fails_is_left_alone_for_a_while(current, policy_server):
    policy_server.answer = b""
    for seconds in (0, 60, 299):
        assert current(at=NOW + timedelta(seconds=seconds)).note
    assert policy_server.connections == 1

    policy_server.answer = answer()
    assert current(at=NOW + TRY_AGAIN_AFTER).policy.mode is Mode.ENFORCE


def test_a_new_id_is_tried_at_once_though_the_host_failed_for_the_old_one(current, nameserver, policy_server):
    policy_server.answer = b""
    current()
    nameserver.reload({"test": ZONE + RECORD.replace("20261127", "20261128")})
    policy_server.answer = answer()

    assert current().policy.mode is Mode.ENFORCE


@pytest.mark.parametrize("given", [b"", answer(b"version: STSv1\nmode: enforce\n"), answer(status="500 No")])
def test_a_refresh_that_fails_leaves_what_is_remembered(current, nameserver, policy_server, given):
    current()
    nameserver.reload({"test": ZONE + RECORD.replace("20261127", "20261128")})
    policy_server.answer = given
    found = current()

    assert (found.policy.mode, found.note) == (Mode.ENFORCE, "")
    assert len(policy_server.requests) == 2


def test_a_policy_is_refreshed_before_it_runs_out(current, policy_server):
    policy_server.answer = answer(ENFORCE.replace(b"86400", b"604800"))
    current()
    current(at=NOW + DAY - timedelta(seconds=1))
    assert len(policy_server.requests) == 1

    current(at=NOW + DAY)
    assert len(policy_server.requests) == 2
    assert current(at=NOW + 7 * DAY).policy.mode is Mode.ENFORCE


def test_a_clock_that_was_set_back_trusts_no_policy_from_the_future(current, policy_server):
    current()
    current(at=NOW - timedelta(hours=1))

    assert len(policy_server.requests) == 2


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ("mta-sts.fabrikam A 127.0.0.1", "is at 127.0.0.1, a loopback address, which is not dialled"),
        ("mta-sts.fabrikam A 169.254.169.254", "is at 169.254.169.254, a link-local address"),
        ("mta-sts.fabrikam AAAA ::ffff:127.0.0.1", "is at 127.0.0.1, a loopback address"),
        ("mta-sts.fabrikam CNAME ns", "is at 127.0.0.1, a loopback address"),
        ("mta-sts.fabrikam TXT nothing", "has no address"),
    ],
)
def test_a_policy_host_may_not_send_us_to_this_machine(current, nameserver, policy_server, records, why):
    zone = ZONE.replace("mta-sts.fabrikam  A 127.0.0.1", records)
    nameserver.reload({"test": zone + RECORD})

    assert why in current(rule=AddressRule()).note
    assert not policy_server.connections


def test_a_domain_too_long_for_a_record_below_it_has_no_policy(current, policy_server):
    domain = ".".join(["a" * 60] * 4) + ".test"

    assert current(domain=domain).policy is None
    assert not policy_server.connections


def test_sessions_that_start_together_fetch_once(current, policy_server):
    policy_server.seconds_per_byte = 0.002
    policies = []
    threads = [threading.Thread(target=lambda: policies.append(current().policy)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [policy.mode for policy in policies] == [Mode.ENFORCE] * 5
    assert len(policy_server.requests) == 1


def test_one_domain_does_not_wait_for_another():
    with one_at_a_time("a.test"), one_at_a_time("b.test"):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"policy": 7}', b"\xff", b'{"id": {}}'])
def test_a_file_that_is_damaged_is_fetched_anew(current, policy_server, tmp_path, content):
    current()
    (file,) = (tmp_path / "mta-sts").iterdir()
    file.write_bytes(content)

    assert current().policy.mode is Mode.ENFORCE
    assert len(policy_server.requests) == 2


def test_a_folder_that_cannot_be_written_stops_no_mail(current, tmp_path):
    (tmp_path / "mta-sts").write_bytes(b"a file where a folder should be")

    assert current().policy.mode is Mode.ENFORCE


def test_the_longest_domain_has_a_file(store, tmp_path):
    domain = ".".join(["a" * 61] * 4)
    store.write(domain, Entry(id="1"))

    assert store.read(domain).id == "1"
    (file,) = (tmp_path / "mta-sts").iterdir()
    assert json.loads(file.read_bytes())["domain"] == domain
    assert file.stat().st_mode & 0o077 == 0 or file.parent.stat().st_mode & 0o077 == 0


def test_only_so_many_domains_are_remembered(store, monkeypatch):
    monkeypatch.setattr("transport.tls_policies.store.MAX_ENTRIES", 20)
    for number in range(30):
        store.write(f"d{number}.test", Entry(id=str(number)))

    assert store.read("d29.test").id == "29"
    assert store.read("d0.test").id == ""
    assert MAX_ENTRIES == 10_000
