"""What was delivered is delivered once more, with the same Message-ID, as far as it is still kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.engine import accept, connector, server
from tests.transport.engine.test_intervals import clock
from tests.transport.engine.test_safety_net import delivered
from transport import resources, resubmission, submission
from transport.back_pressure import Level
from transport.models import (
    Attempt,
    Content,
    Message,
    QueuedMessage,
    Recipient,
    ResubmitRequest,
    TrackingEvent,
)
from transport.states import RecipientState, ResubmitState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
HOUR = timedelta(hours=1)


@pytest.fixture
def here():
    made = server()
    connector()
    return made


def add(here, **more) -> ResubmitRequest:
    """A request for the last hour."""
    now = timezone.now()
    span = {"start_at": now - HOUR, "end_at": now + HOUR, **more}
    return resubmission.add(here, resubmission.Span(**span), actor="tests", now=now)


def work_off(here) -> list[str]:
    """Let the server work until nothing is left; who gets a copy."""
    while ResubmitRequest.objects.filter(state=ResubmitState.RUNNING).exists():
        resubmission.work_off(here, now=timezone.now())
    copies = Message.objects.filter(source="SafetyNet")
    return list(Recipient.objects.filter(message__in=copies).order_by("pk").values_list("address", flat=True))


def test_a_copy_is_the_same_message_as_new_mail(here):
    (original,) = delivered(at=timezone.now() - timedelta(minutes=30))
    request = add(here)
    assert work_off(here) == ["bob@fabrikam.test"]
    request.refresh_from_db()
    copy = QueuedMessage.objects.select_related("message", "queue").get()
    first = Message.objects.get(pk=original)

    assert copy.message.internet_message_id == first.internet_message_id
    assert Content.objects.get(message=copy.message).data == Content.objects.get(message=original).data
    assert copy.queue.next_hop_domain == "fabrikam.test"
    assert copy.expires_at > timezone.now() + timedelta(hours=47)
    assert (request.state, request.examined, request.resubmitted) == (ResubmitState.COMPLETED, 1, 1)


def test_each_resubmission_is_one_event_and_senders_hear_nothing_of_copies(here):
    (original,) = delivered()
    request = add(here)
    work_off(here)
    event = TrackingEvent.objects.get(event="RESUBMIT")

    assert (event.message_id, event.source) == (original, "SAFETYNET")
    assert event.context == f"resubmit request {request.pk} of tests"
    assert Recipient.objects.get(message__source="SafetyNet").notify == "NEVER"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("wanted", "copies"),
    [
        ({}, 4),
        ({"sender": "ANNA@contoso.test"}, 3),
        ({"sender": "nobody@contoso.test"}, 0),
        ({"recipient": "Eva@fabrikam.test"}, 1),
        ({"queue_identity": r"e15mb1\7"}, 1),
    ],
)
def test_only_what_is_meant_is_copied(here, wanted, copies):
    two = delivered(count=2)
    Message.objects.filter(pk=two[0]).update(mail_from="else@contoso.test")
    Attempt.objects.create(
        message_id=two[0],
        queue_id=7,
        queue_identity=r"E15MB1\7",
        at=timezone.now(),
        outcome="delivered",
        stage="DOT",
        code=250,
    )
    several = accept("eva@fabrikam.test", "max@fabrikam.test", "waits@fabrikam.test")
    Recipient.objects.filter(message=several).exclude(address__startswith="waits").update(
        state=RecipientState.DELIVERED, ended_at=timezone.now(), queued_message_id=None
    )
    add(here, **wanted)

    assert len(work_off(here)) == copies


def test_only_deliveries_of_the_span_are_copied(here):
    delivered(at=timezone.now() - 3 * HOUR)
    inside = timezone.now() - timedelta(minutes=30)
    (wanted,) = delivered(at=inside)
    add(here, end_at=timezone.now() - timedelta(minutes=10))
    delivered()
    work_off(here)

    assert TrackingEvent.objects.get(event="RESUBMIT").message_id == wanted


def test_what_is_no_longer_kept_waits_or_failed_is_not_copied(here):
    (gone,) = delivered()
    Content.objects.filter(message=gone).delete()
    accept("waits@fabrikam.test")
    (failed,) = delivered()
    Recipient.objects.filter(message=failed).update(state=RecipientState.FAILED)
    add(here)

    assert work_off(here) == []


def test_copies_are_not_copied_by_the_request_that_made_them(here):
    delivered()
    request = add(here, end_at=timezone.now() + 9 * HOUR)
    resubmission.work_off(here, now=timezone.now())
    copies = Message.objects.filter(source="SafetyNet")
    Recipient.objects.filter(message__in=copies).update(
        state=RecipientState.DELIVERED, ended_at=timezone.now(), queued_message_id=None
    )
    work_off(here)
    request.refresh_from_db()

    assert request.resubmitted == 1


def test_many_are_copied_in_batches_that_each_are_whole(here, monkeypatch):
    monkeypatch.setattr(resubmission, "LOOKED_AT_ONCE", 4)
    monkeypatch.setattr(resubmission, "COPIED_AT_ONCE", 3)
    delivered(count=10)
    request = add(here)
    assert len(work_off(here)) == 10
    request.refresh_from_db()

    assert (request.examined, request.resubmitted) == (10, 10)


def test_a_cancelled_request_stops_and_what_it_did_stays(here, monkeypatch):
    monkeypatch.setattr(resubmission, "LOOKED_AT_ONCE", 1)
    delivered(count=3)
    request = add(here)
    resubmission._step(request, server=here, now=timezone.now())
    assert resubmission.cancel(request, actor="tests", now=timezone.now())
    assert not resubmission.cancel(request, actor="tests", now=timezone.now())

    assert len(work_off(here)) == 1
    request.refresh_from_db()
    assert (request.state, request.resubmitted) == (ResubmitState.CANCELLED, 1)


def test_a_request_that_is_removed_while_it_works_writes_nothing_more(here):
    delivered()
    request = add(here)
    ResubmitRequest.objects.all().delete()
    with pytest.raises(resubmission._Cancelled):
        resubmission._step(request, server=here, now=timezone.now())

    assert not Message.objects.filter(source="SafetyNet").exists()


def test_a_message_that_breaks_us_is_counted_and_the_others_are_copied(here, monkeypatch):
    ids = delivered(count=3)
    Message.objects.filter(pk=ids[1]).update(subject="breaks")
    Message.objects.filter(pk=ids[1]).update(mail_from="breaks@contoso.test")
    real = submission.accept

    def breaks(envelopes, **more):
        if any(one.mail_from == "breaks@contoso.test" for one in envelopes):
            raise RuntimeError("what nobody thought of")
        return real(envelopes, **more)

    monkeypatch.setattr(submission, "accept", breaks)
    request = add(here)
    assert len(work_off(here)) == 2
    request.refresh_from_db()

    assert (request.examined, request.resubmitted, request.failed) == (3, 2, 1)


def test_a_span_that_makes_no_sense_is_refused(here):
    now = timezone.now()
    with pytest.raises(ValueError, match="EndTime is not after StartTime"):
        add(here, start_at=now, end_at=now - HOUR)
    with pytest.raises(ValueError, match="StartTime is in the future"):
        add(here, start_at=now + HOUR, end_at=now + 2 * HOUR)


def test_the_clock_works_off_requests(here):
    delivered()
    add(here)
    clock().look(now=timezone.now())

    assert Message.objects.filter(source="SafetyNet").count() == 1


def test_a_request_waits_while_the_server_is_short_of_room(here):
    delivered()
    add(here)
    now, reading = timezone.now(), resources.backlog(here.pk)
    resources._write(reading, level=Level.MEDIUM, server_id=here.pk, now=now)
    assert resubmission.work_off(here, now=now) == 0
    resources._write(reading, level=Level.NORMAL, server_id=here.pk, now=now)

    assert resubmission.work_off(here, now=now) == 1
