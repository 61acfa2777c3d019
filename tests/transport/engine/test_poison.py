"""A message that breaks workers waits in the poison queue; the rest flows."""

import os
import socket
import struct
import subprocess
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tests.support.engine import WORKER, accept, connector, expired, open_for, outcome, server
from tests.transport.engine.test_intervals import changed, clock
from tests.transport.engine.test_sessions import settle
from transport import judged, operations, rerouting, servers, submission, wishes
from transport.models import Message, Queue, QueuedMessage, TrackingEvent
from transport.queue import poison, sweeps
from transport.queue.claims import Worker
from transport.states import DeliveryType, QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]


@pytest.fixture
def here():
    made = server()
    connector()
    return made


@pytest.fixture
def queued(here):
    message_id = accept("bob@fabrikam.test", at=here)
    return QueuedMessage.objects.select_related("queue").get(message=message_id)


@pytest.fixture
def dead():
    """A worker of this machine whose process is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return Worker(name=f"dead-{process.pid}", host_name=socket.gethostname(), process_id=process.pid)


def now_worker() -> Worker:
    return Worker(name="w2", host_name=socket.gethostname(), process_id=os.getpid())


def dies(worker: Worker, *, working_at: int) -> None:
    """What a process leaves that was killed."""
    settings.IN_HAND_DIR.mkdir(exist_ok=True)
    path = settings.IN_HAND_DIR / f"{worker.process_id}-{worker.name}"
    path.write_bytes(struct.pack("<q", working_at))


def take_back(here) -> None:
    with transaction.atomic():
        sweeps.expire_leases(here, worker=now_worker(), now=timezone.now())


def laid_aside(queued: QueuedMessage) -> QueuedMessage:
    with transaction.atomic():
        for _ in range(2):
            poison.blame([queued.pk], now=timezone.now())
    return QueuedMessage.objects.select_related("queue__server").get(pk=queued.pk)


def test_the_message_that_a_worker_died_with_twice_is_laid_aside_and_its_neighbours_go_on(here, queued, dead):
    neighbour = accept("eva@fabrikam.test")
    for _ in range(2):
        opened = open_for(queued, worker=dead)
        assert len(opened.claims) == 2
        dies(dead, working_at=queued.pk)
        take_back(here)
    poisoned = QueuedMessage.objects.select_related("queue__server").get(pk=queued.pk)

    assert (poisoned.queue.identity, poisoned.state) == (r"E15MB1\Poison", QueuedState.SUSPENDED)
    assert [claim.message_id for claim in open_for(queued, worker=WORKER).claims] == [neighbour]
    assert QueuedMessage.objects.get(message=neighbour).crash_count == 0
    counts = Queue.objects.order_by("pk").values_list("delivery_type", "message_count")
    assert dict(counts) == {DeliveryType.MX: 1, DeliveryType.POISON: 1}
    assert TrackingEvent.objects.get(event="POISONMESSAGE").message_id == queued.message_id


def test_workers_that_are_killed_while_all_sessions_wait_blame_nobody(here, queued, dead):
    for _ in range(5):
        open_for(queued, worker=dead)
        dies(dead, working_at=0)
        take_back(here)

    assert QueuedMessage.objects.get(pk=queued.pk).crash_count == 0


def test_a_message_that_somebody_else_holds_by_now_is_not_blamed(here, queued, dead):
    other = accept("eva@adatum.test")
    open_for(QueuedMessage.objects.get(message=other), worker=dead)
    dies(dead, working_at=queued.pk)
    take_back(here)

    assert QueuedMessage.objects.get(pk=queued.pk).crash_count == 0


def test_a_process_that_lives_on_blames_nobody(here, queued):
    living = Worker(name="lives", host_name=socket.gethostname(), process_id=os.getppid())
    open_for(queued, worker=living, now=timezone.now() - timedelta(hours=1))
    dies(living, working_at=queued.pk)
    take_back(here)

    assert QueuedMessage.objects.get(pk=queued.pk).crash_count == 0


def test_a_defect_of_ours_counts_as_a_break(here, queued):
    changed(here, poison_threshold=1)
    opened = open_for(queued)
    settle(wishes.Settle(outcome=outcome(opened, judged.BROKEN, retry_at=timezone.now())))

    assert QueuedMessage.objects.select_related("queue").get().queue.delivery_type == DeliveryType.POISON


def test_the_threshold_is_that_of_the_server(here, queued):
    changed(here, poison_threshold=3)

    assert laid_aside(queued).queue.delivery_type == DeliveryType.MX


@pytest.mark.usefixtures("here")
def test_a_poison_message_neither_expires_nor_is_routed_anew_nor_taken_over(here, queued):
    poisoned = laid_aside(queued)
    connector("Second", spaces="fabrikam.test")
    rerouting.reroute(here, now=timezone.now())
    assert expired(here, now=timezone.now() + timedelta(days=90)) == []
    server("E15MB2", alive=False)
    QueuedMessage.objects.filter(pk=poisoned.pk).update(queue=other_poison_queue())
    servers.take_over(now=timezone.now())
    rerouting.reroute(here, now=timezone.now())

    assert QueuedMessage.objects.get().queue.delivery_type == DeliveryType.POISON


def other_poison_queue() -> Queue:
    return Queue.objects.create(
        server=server("E15MB2", alive=False),
        delivery_type=DeliveryType.POISON,
        next_hop_domain="Poison Message",
        next_hop_key="x",
        message_count=1,
    )


def test_a_resumed_poison_message_goes_back_to_the_categorizer_with_a_clean_record(here, queued):
    laid_aside(queued)
    assert operations.resume_messages(QueuedMessage.objects.all(), actor="tests") == 1
    rerouting.reroute(here, now=timezone.now())
    again = QueuedMessage.objects.select_related("queue").get()

    assert (again.queue.next_hop_domain, again.state) == ("fabrikam.test", QueuedState.READY)
    assert again.crash_count == 0
    assert open_for(again) is not None


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("with_ndr", [True, False])
def test_a_poison_message_is_removed_with_or_without_a_report(queued, with_ndr):
    laid_aside(queued)
    assert operations.remove_messages(QueuedMessage.objects.all(), with_ndr=with_ndr, actor="tests") == 1

    assert Message.objects.filter(source="DSN").exists() == with_ndr
    assert Queue.objects.get(delivery_type=DeliveryType.POISON).message_count == 0


@pytest.mark.usefixtures("here")
def test_a_poison_message_is_exported_and_not_retried(queued):
    poisoned = laid_aside(queued)

    assert b"".join(operations.export_message(poisoned).chunks).endswith(b"Hello.\r\n")
    assert operations.retry_queues(Queue.objects.filter(pk=poisoned.queue_id), actor="tests") == 0


def test_a_message_that_breaks_the_clock_is_found_out_and_the_others_expire(here, queued, monkeypatch):
    others = [accept("eva@fabrikam.test", at=here) for _ in range(3)]
    real = submission.report

    def breaks(ended, **more):
        if any(one.message_id == queued.message_id for one in ended):
            raise RuntimeError("a header that nobody thought of")
        return real(ended, **more)

    monkeypatch.setattr(submission, "report", breaks)
    QueuedMessage.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    looks = clock()
    for _ in range(2):
        looks.look(now=timezone.now())

    assert not QueuedMessage.objects.filter(message__in=others).exists()
    assert QueuedMessage.objects.get(message=queued.message_id).queue.delivery_type == DeliveryType.POISON


@pytest.mark.usefixtures("here")
def test_a_message_that_breaks_a_removal_is_found_out_and_the_others_are_removed(queued, monkeypatch):
    for _ in range(3):
        accept("eva@fabrikam.test")
    real = submission.report

    def breaks(ended, **more):
        if any(one.message_id == queued.message_id for one in ended):
            raise RuntimeError("a header that nobody thought of")
        return real(ended, **more)

    monkeypatch.setattr(submission, "report", breaks)
    operations.remove_queue_messages(Queue.objects.all(), with_ndr=True, actor="tests")
    looks = clock()
    for _ in range(3):
        looks.look(now=timezone.now())

    left = QueuedMessage.objects.select_related("queue").exclude(message__source="DSN").get()
    assert (left.message_id, left.queue.delivery_type) == (queued.message_id, DeliveryType.POISON)
    assert Queue.objects.get(next_hop_domain="fabrikam.test").removal == ""
