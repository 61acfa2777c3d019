"""Addresses of clients, as connectors and logs see them."""

import pytest

from transport.receiving.networks import normalize


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("not an address", "not an address"),
    ],
)
def test_a_peer_address_is_shown_in_its_plain_form(address, shown):
    assert normalize(address) == shown
