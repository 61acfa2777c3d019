"""An Internet connector and a zone that points to this machine."""

import pytest

from connectors.specs import Usage
from tests.support.engine import accept, connector, server
from tests.support.nameserver import Nameserver
from tests.support.smtp_peer import Peer
from transport import delivery, servers
from transport.models import Attempt, Queue, Recipient, TransportServer
from transport.states import RecipientState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.state]


@pytest.fixture
def peer():
    with Peer() as started:
        yield started


@pytest.fixture
def nameserver():
    with Nameserver({"test": "fabrikam MX 10 mx.fabrikam\nmx.fabrikam A 127.0.0.1"}) as started:
        server()
        TransportServer.objects.update(internal_dns_servers=[started.address])
        yield started


@pytest.mark.usefixtures("nameserver")
@pytest.mark.parametrize("usage", [Usage.INTERNET, Usage.CUSTOM, Usage.INTERNAL, Usage.PARTNER])
def test_only_internet_connectors_refuse_what_dns_says_of_this_machine(engine, peer, usage):
    connector(usage=usage, port=peer.port)
    accept("bob@fabrikam.test")
    delivery.deliver(Queue.objects.get().pk, engine=engine)

    assert len(peer.contents) == (0 if usage is Usage.INTERNET else 1)


@pytest.mark.usefixtures("nameserver")
def test_the_mail_waits_with_the_reason_until_the_network_is_listed(engine, peer):
    connector(usage=Usage.INTERNET, port=peer.port)
    accept("bob@fabrikam.test")
    delivery.deliver(Queue.objects.get().pk, engine=engine)
    queue = Queue.objects.with_status().get()
    TransportServer.objects.update(allowed_mx_networks=["127.0.0.0/8"])
    servers.forget()
    Queue.objects.update(next_retry_at=None)
    delivery.deliver(queue.pk, engine=engine)

    assert queue.status == "Retry"
    assert queue.last_error.startswith("451 4.4.4 SMTPSEND.DNS.ForbiddenAddress; mail for fabrikam.test")
    assert list(Attempt.objects.order_by("pk").values_list("stage", "outcome")) == [
        ("DNS", "deferred"),
        ("DOT", "delivered"),
    ]
    assert Recipient.objects.get().state == RecipientState.DELIVERED


def test_a_server_that_is_known_keeps_its_own_list(settings):
    settings.ALLOWED_MX_NETWORKS = ["127.0.0.0/8"]
    servers.register()
    TransportServer.objects.update(allowed_mx_networks=[])

    assert TransportServer.objects.get(name=settings.SERVER_NAME).allowed_mx_networks == []
    assert servers.register().allowed_mx_networks == []


def test_a_server_registers_with_the_list_of_the_settings(settings):
    settings.ALLOWED_MX_NETWORKS = ["127.0.0.0/8"]

    assert servers.register().allowed_mx_networks == ["127.0.0.0/8"]
