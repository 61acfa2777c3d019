"""Which settings of a receive connector are refused, and which connector serves a client."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.ranges import parse_binding, parse_range
from connectors.receive_rules import conflicts, examine, with_defaults
from connectors.receiving import (
    Mechanism,
    PermissionGroup,
    ReceiveLimits,
    ReceiveProfile,
    ReceiveSettings,
    ReceiveUsage,
    chosen,
)

T, B, BT, E = Mechanism.TLS, Mechanism.BASIC, Mechanism.BASIC_REQUIRE_TLS, Mechanism.EXTERNAL
ANYBODY, USERS = PermissionGroup.ANONYMOUS, PermissionGroup.USERS
SERVERS, PARTNERS = PermissionGroup.SERVERS, PermissionGroup.PARTNERS


def bindings(*texts):
    return tuple(map(parse_binding, texts))


def ranges(*texts):
    return tuple(map(parse_range, texts))


def settings(**fields):
    given = {
        "name": "Office",
        "server": "E15MB1",
        "bindings": bindings("0.0.0.0:25"),
        "remote_ranges": ranges("10.0.0.0/8"),
        "auth": frozenset({T}),
        "permissions": frozenset({ANYBODY}),
    }
    return ReceiveSettings(**(given | fields))


def refused(**fields):
    return [(problem.field, problem.value) for problem in examine(settings(**fields))[1]]


def test_a_plain_connector_is_right():
    assert refused() == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, ("name", "")),
        ({"bindings": ()}, ("bindings", "")),
        ({"bindings": bindings("0.0.0.0:25", "0.0.0.0:25/tls")}, ("bindings", "0.0.0.0:25")),
        ({"bindings": bindings("0.0.0.0:465/tls"), "auth": frozenset()}, ("bindings", "0.0.0.0:465/tls")),
        ({"remote_ranges": ()}, ("remote_ranges", "")),
        ({"remote_ranges": ranges("10.0.0.1", "10.0.0.1")}, ("remote_ranges", "10.0.0.1")),
        ({"auth": frozenset({BT, T})}, ("auth", BT)),
        ({"auth": frozenset({BT, B})}, ("auth", BT)),
        ({"auth": frozenset({E, T})}, ("auth", E)),
        ({"auth": frozenset({E, B}), "permissions": frozenset({SERVERS})}, ("auth", E)),
        ({"permissions": frozenset({SERVERS})}, ("permissions", SERVERS)),
        ({"permissions": frozenset({USERS})}, ("permissions", USERS)),
        ({"permissions": frozenset({PARTNERS}), "auth": frozenset()}, ("permissions", PARTNERS)),
        ({"require_tls": True, "auth": frozenset()}, ("require_tls", "True")),
        ({"anonymous_relay": True, "permissions": frozenset()}, ("anonymous_relay", "True")),
        ({"anonymous_relay": True, "remote_ranges": ranges("::/0")}, ("remote_ranges", "::/0")),
        ({"banner": "250 hello"}, ("banner", "250 hello")),
        ({"banner": "220 h\r\n250"}, ("banner", "220 h\\u000d\\u000a250")),
        ({"certificate": "../secret_key"}, ("certificate", "../secret_key")),
        ({"fqdn": "10.0.0.1"}, ("fqdn", "10.0.0.1")),
        ({"limits": ReceiveLimits(max_message_bytes=1)}, ("max_message_bytes", "1")),
        ({"limits": ReceiveLimits(max_hop_count=501)}, ("max_hop_count", "501")),
        ({"limits": ReceiveLimits(max_connections_percent_per_source=0)},
         ("max_connections_percent_per_source", "0")),
        ({"limits": ReceiveLimits(connection_timeout=timedelta(minutes=5))},
         ("connection_timeout", "00:05:00")),
        ({"limits": ReceiveLimits(tarpit_interval=timedelta(minutes=11))}, ("tarpit_interval", "00:11:00")),
    ],
)  # fmt: skip
def test_a_combination_that_exchange_refuses_is_refused_at_its_field(fields, problem):
    assert problem in refused(**fields)


def test_external_authoritative_relays_and_is_closed_to_everybody():
    servers = {"auth": frozenset({E, T}), "permissions": frozenset({SERVERS})}

    assert refused(**servers) == []
    assert settings(**servers).relays
    assert refused(**servers, remote_ranges=ranges("0.0.0.0/0")) == [("remote_ranges", "0.0.0.0/0")]


@pytest.mark.parametrize("usage", ReceiveUsage)
def test_the_type_gives_defaults_that_are_right(usage):
    made = with_defaults(settings(usage=usage, auth=frozenset(), permissions=frozenset()))

    assert examine(made)[1] == ()


def test_two_connectors_may_not_serve_the_same_range_on_one_binding():
    office, other = settings(), settings(name="Other", bindings=bindings("192.0.2.1:25", "192.0.2.1:587"))

    (problem,) = conflicts(office, [other])

    assert str(problem) == (
        "RemoteIPRanges 10.0.0.0/8: Other serves exactly this range on 0.0.0.0:25 too: no range would be "
        "more specific."
    )
    assert not list(conflicts(office, [replace(other, remote_ranges=ranges("10.0.0.0/9"))]))
    assert not list(conflicts(office, [replace(other, bindings=bindings("0.0.0.0:587"))]))


def test_a_port_has_implicit_tls_for_all_its_connectors_or_for_none():
    submission = settings(bindings=bindings("0.0.0.0:465/tls"))
    other = settings(name="Other", bindings=bindings("127.0.0.1:465"), remote_ranges=ranges("10.1.0.0/16"))

    assert [problem.field for problem in conflicts(submission, [other])] == ["bindings"]


@pytest.mark.parametrize(
    ("client", "local", "name"),
    [
        ("10.1.2.3", "192.0.2.1:25", "Relay"),
        ("10.2.2.3", "192.0.2.1:25", "Office"),
        ("198.51.100.1", "192.0.2.1:25", "Default"),
        ("::ffff:10.1.2.3", "192.0.2.1:25", "Relay"),
        ("198.51.100.1", "192.0.2.1:587", "Clients"),
        ("2001:db8::1", "192.0.2.1:25", None),
        ("10.1.2.3", "192.0.2.1:26", None),
        ("", "192.0.2.1:25", None),
    ],
)
def test_the_most_specific_range_serves_a_client(client, local, name):
    profiles = tuple(
        ReceiveProfile(connector_id=number, settings=one)
        for number, one in enumerate(
            [
                settings(name="Default", remote_ranges=ranges("0.0.0.0/0")),
                settings(name="Office"),
                settings(name="Relay", remote_ranges=ranges("10.1.0.0/16", "203.0.113.7")),
                settings(
                    name="Clients", bindings=bindings("192.0.2.1:587"), remote_ranges=ranges("0.0.0.0/0")
                ),
            ]
        )
    )

    found = chosen(profiles, local=parse_binding(local), client=client)

    assert (found.settings.name if found else None) == name
