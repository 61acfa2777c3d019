"""Administrators at the console, without a browser."""

import uuid
from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from connectors import services
from connectors.address_spaces import parse
from connectors.specs import ConnectorSpec
from transport.models import TransportServer


@pytest.fixture
def anna(db):  # noqa: ARG001 - the tables
    """An administrator."""
    return get_user_model().objects.create_superuser("anna", password="a long enough password")


@pytest.fixture
def signed_in(anna):
    """Anna's browser."""
    client = Client()
    client.force_login(anna)
    return client


@pytest.fixture
def server(db):  # noqa: ARG001 - the tables
    """A transport server that registered."""
    return TransportServer.objects.create(name="E15MB1", fqdn="e15mb1.contoso.com")


@pytest.fixture
def make(db):  # noqa: ARG001 - the tables
    """Make a send connector."""
    plain = ConnectorSpec(name="", address_spaces=(parse("*"),), source_servers=("E15MB1",))

    def make(name, **fields):
        return services.create(replace(plain, name=name, **fields), guid=uuid.uuid4(), actor="anna")

    return make
