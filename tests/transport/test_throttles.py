"""Limits that queues share: the hosts they lead to, the rate of their connector, and whose turn it is."""

import pytest

from transport.common_hosts import CommonHosts
from transport.concurrency import Limits, Standing, decide
from transport.refused import REMEMBERED_S, Refused
from transport.throttles import ConnectorLimits, Throttles

LIMITS = Limits()
QUEUE, OTHER, THIRD = 1, 2, 3
PROVIDER = ("mx1.provider.test:25", "mx2.provider.test:25")


def throttles(**connector):
    made = Throttles()
    made.learn({7: ConnectorLimits(connector_id=7, name="Internet", **connector)}, generation=1)
    return made


def decision(of, standing, *, wanted=1):
    return decide(wanted, of.holds(QUEUE, standing, connector_id=7, limits=LIMITS))


def test_queues_that_lead_to_the_same_hosts_are_found_whatever_the_order_of_their_mx():
    hosts = CommonHosts()
    hosts.learn(QUEUE, PROVIDER)
    hosts.learn(OTHER, reversed(PROVIDER))
    hosts.learn(THIRD, PROVIDER[:1])

    assert sorted(hosts.together(QUEUE)) == [QUEUE, OTHER]
    assert hosts.together(THIRD) == (THIRD,)
    assert hosts.together(4) == (4,)


def test_a_queue_that_leads_elsewhere_now_is_told_apart():
    hosts = CommonHosts()
    assert hosts.learn(QUEUE, PROVIDER)
    assert hosts.learn(OTHER, PROVIDER)
    assert not hosts.learn(OTHER, PROVIDER)
    assert hosts.learn(OTHER, ("mx.elsewhere.test:25",))

    assert hosts.together(QUEUE) == (QUEUE,)


@pytest.mark.parametrize(
    ("max_connections", "said"),
    [(None, "20 connections"), (20, "20 connections of send connector Internet"), (50, "20 connections")],
)
def test_the_tighter_of_the_limits_of_server_and_connector_holds(max_connections, said):
    found = decision(throttles(max_connections=max_connections), Standing(here=20, everywhere=20))

    assert (found.sessions, found.held_back_by.said) == (0, said)


def test_domains_of_one_provider_together_keep_the_limit():
    of = throttles(max_connections=3)
    of.hosts.learn(QUEUE, PROVIDER)
    of.hosts.learn(OTHER, PROVIDER)
    found = decision(of, Standing(here=0, everywhere=3, shared=3))

    assert found.sessions == 0
    assert found.held_back_by.said == (
        "3 connections of send connector Internet, to hosts that 1 other queue leads to"
    )
    assert decision(of, Standing(here=0, everywhere=2, shared=2)).sessions == 1
    assert (
        decision(of, Standing(here=0, everywhere=3, shared=3, failed=True)).held_back_by == found.held_back_by
    )


def test_the_rate_of_a_connector_lets_no_more_begin_than_get_their_turn():
    of = throttles(messages_per_second=1.5)
    assert decision(of, Standing(here=0, everywhere=0), wanted=20).sessions == 3
    of.stand(1, connector_id=7)
    found = decision(of, Standing(here=0, everywhere=0, begun=2))

    assert found.sessions == 0
    assert found.held_back_by.said == "1.5 messages per second of send connector Internet"


def test_servers_share_the_rate_of_a_connector():
    of = throttles(messages_per_second=1.0, sharing=2)
    assert of.take_turn(1, connector_id=7) == 0

    assert of.take_turn(2, connector_id=7) == pytest.approx(2.0, abs=0.1)
    assert decision(of, Standing(here=0, everywhere=0)).held_back_by.said == (
        "1 message per second of send connector Internet, shared by 2 servers"
    )


def test_a_next_hop_that_failed_is_probed_however_long_the_line_is():
    of = throttles(messages_per_second=0.1)
    of.take_turn(1, connector_id=7)
    assert decision(of, Standing(here=0, everywhere=0)).sessions == 0

    assert decision(of, Standing(here=0, everywhere=0, failed=True)).sessions == 1


def test_a_connector_without_a_rate_waits_for_nobody():
    of = throttles()

    assert [of.take_turn(session, connector_id=7) for session in range(3)] == [0, 0, 0]
    assert of.take_turn(1, connector_id=99, now_or_never=True) == 0


def test_a_session_makes_way_for_the_queue_that_was_refused_first_and_for_each_once():
    of = throttles(messages_per_second=0.1)
    of.take_turn(1, connector_id=7)
    (pace,) = (
        hold
        for hold in of.holds(OTHER, Standing(), connector_id=7, limits=LIMITS)
        if hold.gate and hold.of_messages
    )
    for refused in (OTHER, THIRD, OTHER):
        of.refuse(refused, pace)

    assert [of.successor(QUEUE, connector_id=7) for _ in range(3)] == [OTHER, THIRD, None]
    assert of.successor(QUEUE, connector_id=8) is None


def test_no_session_makes_way_for_its_own_queue_or_for_one_that_does_not_want_any_more():
    now = 100.0
    refused = Refused(lambda: now)
    refused.wait(QUEUE, gate="server")
    refused.wait(OTHER, gate="server")
    assert refused.next("server", beside=QUEUE) == OTHER
    assert refused.next("server", beside=QUEUE) is None
    now += REMEMBERED_S + 0.1

    assert refused.next("server", beside=THIRD) is None
