"""Connectors as the wizard makes them."""

import uuid
from dataclasses import replace

import pytest

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.profiles import Delivery, SmartHostAuth
from connectors.specs import ConnectorSpec


@pytest.fixture
def internet():
    """An MX connector for every domain."""
    return ConnectorSpec(name="Internet", address_spaces=(parse("*"),), source_servers=("E15MB1",))


@pytest.fixture
def relay(internet):
    """A connector to two smart hosts."""
    return replace(
        internet,
        name="Relay",
        delivery=Delivery.SMART_HOST,
        smart_hosts=("smart.contoso.com", "192.0.2.1"),
        address_spaces=(parse("*.contoso.com;10"), parse("fabrikam.com")),
    )


@pytest.fixture
def make():
    """Create a connector from a spec."""
    return lambda spec, **fields: services.create(replace(spec, **fields), guid=uuid.uuid4(), actor="anna")


@pytest.fixture
def signed_in(relay):
    """A stored connector with the password `hunter2`."""
    guid = uuid.uuid4()
    sealed = credentials.seal("hunter2", guid=guid)
    spec = replace(relay, auth=SmartHostAuth.BASIC, username="relay", sealed_password=sealed)
    return services.create(spec, guid=guid, actor="anna")
