"""What a change of the connectors does to waiting mail: two plans compared."""

from dataclasses import replace

import pytest

from connectors.address_spaces import parse
from connectors.plans import plan
from connectors.profiles import Delivery
from connectors.specs import ConnectorSpec
from transport.impacts import TOLD, Impact, Waiting, compare

SITES = {"E15MB1": "North", "E15MB2": "North", "E15MB3": "South"}
EVERY = ConnectorSpec(name="Every", address_spaces=(parse("*"),), source_servers=("E15MB1", "E15MB2"))
CONTOSO = ConnectorSpec(
    name="Contoso",
    delivery=Delivery.SMART_HOST,
    smart_hosts=("relay.contoso.com",),
    address_spaces=(parse("*.contoso.com"),),
    source_servers=("E15MB1",),
)
BOTH = {1: EVERY, 2: CONTOSO}


def waiting(*domains, messages=3, server="E15MB1"):
    """Some messages of one server."""
    return Waiting(server=server, domains=frozenset(domains), messages=messages)


def impact(old, new, *groups):
    """Compare two sets of connectors."""
    return compare(groups, old=plan(old), new=plan(new), sites=SITES)


def counts(found):
    """The four numbers."""
    return found.moved, found.unreachable, found.freed, found.tls


NOTHING, MOVED, LOST, FREED, TLS = (0, 0, 0, 0), (3, 0, 0, 0), (0, 3, 0, 0), (0, 0, 3, 0), (0, 0, 0, 3)


@pytest.mark.parametrize(
    ("old", "new", "domain", "expected"),
    [
        # What the way does not depend on.
        (BOTH, {**BOTH, 2: replace(CONTOSO, comment="x", max_connections=3)}, "contoso.com", NOTHING),
        (BOTH, {**BOTH, 2: replace(CONTOSO, name="Other")}, "contoso.com", NOTHING),
        (BOTH, {**BOTH, 2: replace(CONTOSO, port=587)}, "fabrikam.com", NOTHING),
        # Another connector, next hop or source server.
        (BOTH, {1: EVERY}, "contoso.com", MOVED),
        (BOTH, {**BOTH, 2: replace(CONTOSO, enabled=False)}, "a.contoso.com", MOVED),
        ({**BOTH, 2: replace(CONTOSO, enabled=False)}, BOTH, "contoso.com", MOVED),
        (BOTH, {**BOTH, 2: replace(CONTOSO, smart_hosts=("b.contoso.com",))}, "contoso.com", MOVED),
        (BOTH, {**BOTH, 2: replace(CONTOSO, port=587)}, "contoso.com", MOVED),
        (BOTH, {**BOTH, 2: replace(CONTOSO, source_servers=("E15MB2",))}, "contoso.com", MOVED),
        (BOTH, {**BOTH, 1: replace(EVERY, source_servers=("E15MB1",))}, "fabrikam.com", NOTHING),
        (BOTH, {**BOTH, 2: replace(CONTOSO, address_spaces=(parse("fabrikam.com"),))}, "fabrikam.com", MOVED),
        # No way, or a way at last.
        (BOTH, {2: CONTOSO}, "fabrikam.com", LOST),
        (BOTH, {**BOTH, 1: replace(EVERY, source_servers=("LOST1",))}, "fabrikam.com", LOST),
        (BOTH, {**BOTH, 1: replace(EVERY, scoped=True, source_servers=("E15MB3",))}, "fabrikam.com", LOST),
        ({2: CONTOSO}, BOTH, "fabrikam.com", FREED),
        ({2: CONTOSO}, {2: replace(CONTOSO, port=587)}, "fabrikam.com", NOTHING),
        # The same way under other rules.
        (BOTH, {**BOTH, 1: replace(EVERY, require_tls=True)}, "fabrikam.com", TLS),
        (BOTH, {**BOTH, 1: replace(EVERY, dane=True)}, "fabrikam.com", TLS),
        (BOTH, {**BOTH, 1: replace(EVERY, mta_sts=True)}, "contoso.com", NOTHING),
    ],
)
def test_what_becomes_of_waiting_mail(old, new, domain, expected):
    found = impact(old, new, waiting(domain))

    assert counts(found) == expected
    assert bool(found) == (expected != NOTHING)


def test_another_way_may_have_another_tls_policy_too():
    found = impact(BOTH, {1: replace(EVERY, require_tls=True)}, waiting("contoso.com"))

    assert counts(found) == (3, 0, 0, 3)
    (move,) = found.moves
    assert (move.domain, move.old, move.new, move.tls, move.messages) == (
        "contoso.com", "Contoso", "Every", True, 3,
    )  # fmt: skip


def test_a_message_with_many_domains_counts_once_for_each_kind():
    many = waiting("a.contoso.com", "b.contoso.com", "fabrikam.com")

    found = impact(BOTH, {1: EVERY}, many)

    assert counts(found) == MOVED
    assert [move.domain for move in found.moves] == ["a.contoso.com", "b.contoso.com"]


def test_each_server_sees_its_own_way():
    scoped = {1: EVERY, 2: replace(CONTOSO, scoped=True, source_servers=("E15MB3",))}

    found = impact(
        scoped, {1: EVERY}, waiting("contoso.com"), waiting("contoso.com", server="E15MB3", messages=5)
    )

    assert counts(found) == (5, 0, 0, 0)


def test_the_domains_with_the_most_mail_are_named_and_the_others_counted():
    groups = [waiting(f"d{number:02}.example", messages=number + 1) for number in range(TOLD + 5)]

    found = impact({1: EVERY}, {}, *groups)

    assert [move.domain for move in found.moves][:2] == ["d14.example", "d13.example"]
    assert (len(found.moves), found.more_domains) == (TOLD, 5)
    assert found.moves[0].is_lost


def test_nothing_that_waits_is_no_impact():
    assert impact(BOTH, {}) == Impact()
