"""Who may relay, by address."""

import pytest

from transport.receiving.networks import Networks, normalize


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("128.0.0.1", False),
        ("::ffff:127.0.0.1", True),
        ("::ffff:128.0.0.1", False),
        ("::1", True),
        ("::2", False),
        ("2001:db8:1::5", True),
        ("2001:db8:2::5", False),
        ("fe80::1%eth0", True),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("", False),
        ("not an address", False),
        ("127.1", False),
    ],
)
def test_an_address_is_inside_its_networks_only(address, inside):
    networks = Networks(["127.0.0.0/8", "::1", " 2001:db8:1::/48", "fe80::/10", "198.51.100.7"])

    assert networks.contains(address) is inside


def test_no_networks_contain_nobody():
    assert not Networks([]).contains("127.0.0.1")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "example.org", "''"])
def test_a_malformed_network_is_refused_by_name(network):
    with pytest.raises(ValueError, match=network):
        Networks([network.strip("'")])


def test_a_peer_address_is_shown_in_its_plain_form():
    assert normalize("::ffff:192.0.2.1") == "192.0.2.1"
    assert normalize("fe80::1%eth0") == "fe80::1"
    assert normalize("192.0.2.1") == "192.0.2.1"
