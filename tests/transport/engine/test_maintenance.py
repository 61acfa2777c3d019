"""A server is drained and taken back into service; its mail is redirected to another one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import DELIVERED, GREYLISTED, accept, connector, open_for, outcome, server
from tests.transport.engine.test_poison import laid_aside
from tests.transport.engine.test_sessions import settle
from transport import categorizer, maintenance, operations, rerouting, servers, wishes
from transport.models import Queue, QueuedMessage, TrackingEvent, TransportServer
from transport.states import ComponentState, DeliveryType, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
BOTH = ("E15MB1", "E15MB2")


@pytest.fixture
def here():
    return server()


@pytest.fixture
def other():
    return server("E15MB2")


def drain(at: TransportServer) -> None:
    assert maintenance.set_state(at, ComponentState.DRAINING, actor="tests")
    categorizer.forget_servers()


def redirect(at: TransportServer, *, target: TransportServer) -> None:
    maintenance.redirect(at, target=target, actor="tests")
    categorizer.forget_servers()


def hand_over(at: TransportServer) -> None:
    """What the clock of the server does once everybody knows."""
    now = timezone.now() + maintenance.SETTLED_AFTER
    for _ in range(2):
        rerouting.reroute(TransportServer.objects.get(pk=at.pk), now=now)


def holders() -> list[str]:
    return list(QueuedMessage.objects.order_by("message").values_list("queue__server__name", flat=True))


@pytest.mark.usefixtures("other")
def test_a_draining_server_gets_no_new_mail_and_hands_over_what_waits(here):
    connector(on=BOTH)
    accept("bob@fabrikam.test", at=here)
    drain(here)
    accept("eva@fabrikam.test", at=here)
    assert holders() == ["E15MB1", "E15MB2"]
    hand_over(here)

    assert holders() == ["E15MB2", "E15MB2"]
    assert TrackingEvent.objects.get(event="REDIRECT").context == "to E15MB2"
    assert not servers.takes_mail(TransportServer.objects.get(pk=here.pk))


@pytest.mark.usefixtures("other")
def test_nothing_is_handed_over_before_every_process_knows(here):
    connector(on=BOTH)
    accept("bob@fabrikam.test", at=here)
    drain(here)
    rerouting.reroute(servers.own(), now=timezone.now())

    assert holders() == ["E15MB1"]


@pytest.mark.usefixtures("other")
def test_a_server_that_is_active_again_takes_mail_and_gives_none_away(here):
    connector(on=BOTH)
    accept("bob@fabrikam.test", at=here)
    drain(here)
    maintenance.set_state(here, ComponentState.ACTIVE, actor="tests")
    assert not maintenance.set_state(here, ComponentState.ACTIVE, actor="tests")
    categorizer.forget_servers()
    hand_over(here)
    accept("eva@fabrikam.test", at=here)

    assert holders() == ["E15MB1", "E15MB1"]


@pytest.mark.usefixtures("other")
def test_what_no_other_server_may_send_stays_and_is_still_sent(here):
    connector(on=("E15MB1",))
    accept("bob@fabrikam.test", at=here)
    drain(here)
    hand_over(here)
    accept("eva@fabrikam.test", at=here)

    assert holders() == ["E15MB1", "E15MB1"]
    soon = timezone.now() + timedelta(minutes=1)
    assert len(open_for(QueuedMessage.objects.first(), now=soon).claims) == 2


@pytest.mark.usefixtures("other")
def test_what_is_in_flight_is_finished_here_and_goes_over_only_when_it_was_put_off(here):
    connector(on=BOTH)
    for number in range(2):
        accept(f"bob{number}@fabrikam.test", at=here)
    opened = open_for(QueuedMessage.objects.first())
    drain(here)
    hand_over(here)
    assert holders() == ["E15MB1", "E15MB1"]
    settle(wishes.Settle(outcome=outcome(opened, DELIVERED)))
    put_off = outcome(opened, GREYLISTED, retry_at=timezone.now() + timedelta(minutes=5), claim=1)
    settle(wishes.Settle(outcome=put_off))
    hand_over(here)

    assert holders() == ["E15MB2"]
    assert QueuedMessage.objects.get().state == QueuedState.READY


def test_redirected_mail_goes_as_if_the_other_server_had_accepted_it(here, other):
    server("E15MB3")
    connector(on=("E15MB1", "E15MB2", "E15MB3"))
    for number in range(10):
        accept(f"bob@{number}.test", at=here)
    redirect(here, target=other)
    assert not servers.takes_mail(TransportServer.objects.get(pk=here.pk))
    hand_over(here)
    now_here = TransportServer.objects.get(pk=here.pk)

    assert holders() == ["E15MB2"] * 10
    assert now_here.redirect_to is None
    assert servers.takes_mail(now_here)


def test_a_redirect_lasts_until_what_is_in_flight_has_ended(here, other):
    connector(on=BOTH)
    accept("bob@fabrikam.test", at=here)
    opened = open_for(QueuedMessage.objects.get())
    redirect(here, target=other)
    hand_over(here)
    assert TransportServer.objects.get(pk=here.pk).redirect_to == other
    settle(wishes.Settle(outcome=outcome(opened, GREYLISTED, retry_at=timezone.now())))
    hand_over(here)

    assert holders() == ["E15MB2"]
    assert TransportServer.objects.get(pk=here.pk).redirect_to is None


def test_suspended_and_poison_mail_and_the_unreachable_queue_are_not_redirected(here, other):
    accept("lost@nowhere.test", at=here)
    connector(on=BOTH, spaces="fabrikam.test,adatum.test,contoso.test")
    accept("bob@fabrikam.test", at=here)
    suspended = QueuedMessage.objects.filter(queue__next_hop_domain="fabrikam.test")
    operations.suspend_messages(suspended, actor="tests")
    accept("bob@adatum.test", at=here)
    laid_aside(QueuedMessage.objects.get(queue__next_hop_domain="adatum.test"))
    accept("bob@contoso.test", at=here)
    operations.suspend_queues(Queue.objects.filter(next_hop_domain="contoso.test"), actor="tests")
    redirect(here, target=other)
    hand_over(here)

    assert holders() == ["E15MB1"] * 4
    assert Queue.objects.get(delivery_type=DeliveryType.POISON).message_count == 1


def test_mail_is_redirected_only_to_another_server_that_takes_mail(here, other):
    with pytest.raises(ValueError, match="another server"):
        maintenance.redirect(here, target=here, actor="tests")
    drain(other)
    with pytest.raises(ValueError, match="E15MB2 does not take mail now"):
        maintenance.redirect(here, target=TransportServer.objects.get(pk=other.pk), actor="tests")


def test_two_draining_servers_do_not_throw_mail_at_each_other(here, other):
    connector(on=BOTH)
    accept("bob@fabrikam.test", at=here)
    accept("bob@fabrikam.test", at=other)
    drain(here)
    drain(other)
    hand_over(here)
    hand_over(other)

    assert holders() == ["E15MB1", "E15MB2"]
