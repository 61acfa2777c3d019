"""Receive connectors in the database: made, changed, removed, and made at the first start."""

from dataclasses import replace

import pytest

from connectors import receive_services, reception
from connectors.errors import Conflict, InvalidSettings, Missing
from connectors.models import ReceiveConnector
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import Mechanism, PermissionGroup, ReceiveLimits, ReceiveSettings, chosen

pytestmark = pytest.mark.django_db
OFFICE = ReceiveSettings(
    name="Office",
    server="E15MB1",
    bindings=(parse_binding("0.0.0.0:2526"), parse_binding("[::1]:465/tls")),
    remote_ranges=(parse_range("10.0.0.1-10.0.0.9"), parse_range("2001:db8::/32")),
    auth=frozenset({Mechanism.TLS, Mechanism.BASIC}),
    permissions=frozenset({PermissionGroup.USERS, PermissionGroup.ANONYMOUS}),
    limits=ReceiveLimits(max_connections=None, message_rate=60, max_protocol_errors=None),
)


@pytest.mark.state
def test_what_is_set_is_read_back_as_it_was():
    made = receive_services.create(OFFICE, actor="anna")
    (profile,) = reception.profiles_of("E15MB1")

    assert profile.settings == OFFICE
    assert (profile.connector_id, profile.version) == (made.pk, 1)
    assert str(made) == "E15MB1\\Office"
    assert (made.created_by, made.changed_by) == ("anna", "anna")


@pytest.mark.state
def test_a_change_is_told_to_listeners_and_no_change_is_not():
    made = receive_services.create(OFFICE, actor="anna")
    before = reception.key()
    receive_services.change(made.pk, OFFICE, actor="bob")
    same = reception.key()
    receive_services.change(made.pk, replace(OFFICE, enabled=False), actor="bob")

    assert same == before
    assert reception.key() != before
    assert not list(reception.profiles_of("E15MB1"))


def test_a_name_is_free_on_another_server_only():
    receive_services.create(OFFICE, actor="anna")

    with pytest.raises(InvalidSettings, match="another receive connector of E15MB1 has this name"):
        receive_services.create(replace(OFFICE, name="OFFICE"), actor="anna")
    receive_services.create(replace(OFFICE, server="E15MB2"), actor="anna")


def test_an_equal_range_on_an_overlapping_binding_is_refused_unless_one_is_disabled():
    receive_services.create(OFFICE, actor="anna")
    rival = replace(OFFICE, name="Rival", bindings=(parse_binding("127.0.0.1:2526"),))

    with pytest.raises(InvalidSettings, match=r"Office serves exactly this range on 127\.0\.0\.1:2526 too"):
        receive_services.create(rival, actor="anna")
    made = receive_services.create(replace(rival, enabled=False), actor="anna")
    with pytest.raises(InvalidSettings, match="no range would be more specific"):
        receive_services.change(made.pk, rival, actor="anna")


def test_a_removed_connector_cannot_be_changed():
    made = receive_services.create(OFFICE, actor="anna")

    assert receive_services.remove([made.pk, 99], actor="anna") == 1
    with pytest.raises(Missing, match="This receive connector does not exist any more"):
        receive_services.change(made.pk, OFFICE, actor="anna")


def start(*, addresses=("127.0.0.1:2525",), networks=("127.0.0.0/8", "::1/128")):
    receive_services.ensure_defaults("E15MB1", addresses=addresses, networks=networks)


def serving(client, *, port=2525):
    profiles = tuple(reception.profiles_of("E15MB1"))
    return chosen(profiles, local=parse_binding(f"127.0.0.1:{port}"), client=client)


@pytest.mark.state
def test_the_first_start_relays_for_the_networks_and_for_nobody_else():
    start()

    assert serving("127.0.0.1").settings.name == "Anonymous Relay E15MB1"
    assert serving("127.0.0.1").settings.relays
    assert serving("192.0.2.1").settings.name == "Default E15MB1"
    assert not serving("192.0.2.1").settings.relays


@pytest.mark.state
def test_a_later_start_with_other_settings_moves_what_they_made():
    start()
    start(addresses=("127.0.0.1:2600",), networks=("10.0.0.0/8",))

    assert serving("10.0.0.1") is None
    assert serving("10.0.0.1", port=2600).settings.relays
    assert not serving("127.0.0.1", port=2600).settings.relays


def test_a_later_start_with_the_same_settings_changes_nothing():
    start()
    ReceiveConnector.objects.filter(name__startswith="Anonymous").delete()
    before = reception.key()
    start()

    assert ReceiveConnector.objects.count() == 1
    assert reception.key() == before


def test_what_an_administrator_changed_stays_when_a_setting_changes():
    start()
    for row in ReceiveConnector.objects.all():
        row.bindings = ["127.0.0.1:2700"]
        row.save()
    start(addresses=("127.0.0.1:2600",))

    assert {tuple(row.bindings) for row in ReceiveConnector.objects.all()} == {("127.0.0.1:2700",)}


def test_without_relay_networks_nobody_relays():
    start(networks=())

    assert [row.name for row in ReceiveConnector.objects.all()] == ["Default E15MB1"]


def test_relay_networks_of_everybody_are_refused():
    with pytest.raises(InvalidSettings, match="must not be open to every address"):
        start(networks=("0.0.0.0/0",))
    assert not ReceiveConnector.objects.exists()


def test_of_two_editors_of_one_version_the_second_is_told():
    made = receive_services.create(OFFICE, actor="anna")
    receive_services.change(made.pk, replace(OFFICE, comment="one"), actor="ben", expected_version=1)

    with pytest.raises(Conflict, match=r"E15MB1\\Office was changed by ben at .* \(version 2\)"):
        receive_services.change(made.pk, replace(OFFICE, comment="two"), actor="anna", expected_version=1)


def test_a_connector_that_moves_is_checked_beside_those_of_its_new_server():
    made = receive_services.create(OFFICE, actor="anna")
    receive_services.create(replace(OFFICE, server="E15MB2"), actor="anna")

    with pytest.raises(InvalidSettings, match="another receive connector of E15MB2 has this name"):
        receive_services.change(made.pk, replace(OFFICE, server="e15mb2"), actor="anna")
    moved = receive_services.change(made.pk, replace(OFFICE, server="e15mb3"), actor="anna")
    assert str(moved) == "E15MB3\\Office"


def test_connectors_are_switched_on_all_or_none_and_listeners_are_told():
    office = receive_services.create(OFFICE, actor="anna")
    rival = receive_services.create(replace(OFFICE, name="Rival", enabled=False), actor="anna")

    with pytest.raises(InvalidSettings, match=r"more specific; E15MB1\\Rival stays disabled"):
        receive_services.enable([office.pk, rival.pk], actor="anna")
    before = reception.key()
    assert receive_services.disable([office.pk, rival.pk, 99], actor="anna") == 1
    assert receive_services.enable([rival.pk], actor="anna") == 1
    assert reception.key() != before
    assert [one.settings.name for one in reception.profiles_of("E15MB1")] == ["Rival"]
