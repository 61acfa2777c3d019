"""A change of the connectors is told over the mail that waits in the tables."""

from dataclasses import replace

import pytest

from connectors.address_spaces import parse
from connectors.plans import plan
from connectors.profiles import Delivery
from connectors.specs import ConnectorSpec
from tests.support import queued_mail
from transport import previews
from transport.states import DeliveryType, RecipientState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
EVERY = ConnectorSpec(name="Every", address_spaces=(parse("*"),), source_servers=("E15MB1",))
RELAY = replace(
    EVERY,
    name="Relay",
    delivery=Delivery.SMART_HOST,
    smart_hosts=("relay.contoso.com",),
    address_spaces=(parse("*.contoso.com"),),
)


def impact(old, new):
    """Compare two sets of connectors."""
    return previews.impact(plan(old), plan(new))


def test_mail_for_mx_hosts_is_counted_by_its_queue():
    queue = queued_mail.queue("fabrikam.com")
    for _ in range(3):
        queued_mail.message(queue)
    queued_mail.message(queued_mail.queue("adatum.com"))

    found = impact({1: EVERY}, {1: replace(EVERY, address_spaces=(parse("adatum.com"),))})

    assert (found.unreachable, found.moved) == (3, 0)
    assert [(move.domain, move.messages) for move in found.moves] == [("fabrikam.com", 3)]


def test_mail_for_smart_hosts_is_counted_by_the_domains_of_its_recipients():
    queue = queued_mail.queue("relay.contoso.com", kind=DeliveryType.SMART_HOST)
    queued_mail.message(queue, "a@x.contoso.com", "b@X.Contoso.com", "c@y.contoso.com")
    queued_mail.message(queue, "a@y.contoso.com")

    found = impact({1: EVERY, 2: RELAY}, {1: EVERY})

    assert found.moved == 2
    assert {move.domain: move.messages for move in found.moves} == {"x.contoso.com": 1, "y.contoso.com": 2}


def test_a_recipient_who_has_the_message_counts_no_more():
    queue = queued_mail.queue("relay.contoso.com", kind=DeliveryType.SMART_HOST)
    queued = queued_mail.message(queue, "a@x.contoso.com", "b@y.contoso.com")
    queued.message.recipients.filter(address__startswith="a").update(state=RecipientState.DELIVERED)

    found = impact({1: EVERY, 2: RELAY}, {1: EVERY})

    assert [move.domain for move in found.moves] == ["y.contoso.com"]


def test_unreachable_mail_finds_its_way():
    queue = queued_mail.queue("Unreachable Domain", kind=DeliveryType.UNREACHABLE, connector_id=0)
    queued_mail.message(queue, "a@fabrikam.com")

    assert impact({}, {1: EVERY}).freed == 1
    assert not impact({}, {2: RELAY})


def test_redirected_mail_goes_as_from_the_other_server():
    queued_mail.message(queued_mail.queue("fabrikam.com"))
    server, other = queued_mail.server(), queued_mail.server("E15MB2")
    server.redirect_to = other
    server.save()
    both = replace(EVERY, source_servers=("E15MB1", "E15MB2"))

    assert not impact({1: both}, {1: replace(EVERY, source_servers=("E15MB2",))})


def test_mail_that_has_no_way_by_itself_is_left_out():
    for kind in (DeliveryType.SUBMISSION, DeliveryType.POISON):
        queued_mail.message(queued_mail.queue(kind.name, kind=kind, connector_id=0), "a@fabrikam.com")

    found = impact({1: EVERY}, {})

    assert (bool(found), found.unseen) == (False, 0)


def test_what_is_beyond_the_bounds_is_said(monkeypatch):
    monkeypatch.setattr(previews, "QUEUES", 1)
    monkeypatch.setattr(previews, "MESSAGES", 2)
    relay = queued_mail.queue("relay.contoso.com", kind=DeliveryType.SMART_HOST)
    for number in range(5):
        queued_mail.message(relay, f"a@d{number}.contoso.com")
        queued_mail.message(queued_mail.queue(f"d{number}.example"))

    found = impact({1: EVERY, 2: RELAY}, {})

    assert (found.unreachable, found.unseen) == (3, 7)


def test_it_costs_the_same_queries_for_any_number_of_messages(django_assert_max_num_queries):
    relay = queued_mail.queue("relay.contoso.com", kind=DeliveryType.SMART_HOST)
    for number in range(20):
        queued_mail.message(relay, f"a@d{number}.contoso.com")
        queued_mail.message(queued_mail.queue(f"d{number}.example"))

    with django_assert_max_num_queries(6):
        found = impact({1: EVERY, 2: RELAY}, {})

    assert found.unreachable == 40
