"""Runs beside a program, in its environment: puts mail into its database by its own way in and lets it go."""

import json
import os
import sys
import threading
import time

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from transport import servers, submission
from transport.dispatcher import Dispatcher
from transport.envelope import Envelope
from transport.models import Queue, QueuedMessage
from transport.queue.claims import Worker, own_limits
from transport.states import DELIVERABLE, QueuedState

BATCH = 500
CONTENT = b"Received: from bench.test\r\nMessage-ID: <1@bench.test>\r\nSubject: many\r\n\r\n" + b"x" * 1024


def main() -> None:
    """Do what the first argument says, and print what it cost as the last line."""
    order = json.loads(sys.argv[1])
    dispatcher = _dispatcher()
    # The first look of a process compiles its queries.
    _look_step_by_step(dispatcher)
    started = time.monotonic()
    _load(order["wanted"])
    loaded_s = round(time.monotonic() - started, 1)
    if order.get("retried"):
        QueuedMessage.objects.update(state=QueuedState.RETRY, retry_count=1)
    if order.get("priorities"):
        QueuedMessage.objects.update(priority=F("pk") % order["priorities"])
    found = {"loaded_s": loaded_s, "looks": _look_step_by_step(dispatcher)}
    if order.get("priorities"):
        of_each = QueuedMessage.objects.values_list("message__recipients__address", "priority")
        found["priorities"] = dict(of_each)
    Queue.objects.update(suspended=False)
    sys.stdout.write(json.dumps(found) + "\n")


def _load(wanted: dict[str, int]) -> None:
    """The first message of each domain makes its queue; that is suspended until all are there."""
    _accept([f"m0@{domain}" for domain in wanted])
    Queue.objects.filter(delivery_type__in=DELIVERABLE).update(suspended=True)
    numbered = [f"m{number}@{domain}" for domain, count in wanted.items() for number in range(1, count)]
    for at in range(0, len(numbered), BATCH):
        _accept(numbered[at : at + BATCH])


def _accept(recipients: list[str]) -> None:
    now = timezone.now()
    envelopes = [
        Envelope(mail_from="a@bench.test", recipients=(one,), content=CONTENT, received_at=now)
        for one in recipients
    ]
    with transaction.atomic():
        submission.accept(envelopes, server=servers.own(), now=now)


def _dispatcher() -> Dispatcher:
    return Dispatcher(
        worker=Worker(name="bench", host_name="bench.test", process_id=os.getpid()),
        limits=own_limits,
        ring=lambda _queue_id, _sessions: None,
        open_sessions=set(),
        stopping=threading.Event(),
    )


def _look_step_by_step(dispatcher: Dispatcher) -> dict[str, float]:
    """CPU milliseconds of each step of a look at what is here."""
    costs: dict[str, float] = {}
    with transaction.atomic():
        Queue.objects.update(suspended=False)
        for step in dispatcher.steps():
            before = time.process_time()
            step(servers.own(), now=timezone.now())
            name = (getattr(step, "__name__", "") or step.args[0].__name__).strip("_")
            costs[name] = round((time.process_time() - before) * 1000, 1)
        # Nobody saw any of this: the queues are released when all is measured.
        transaction.set_rollback(True)
    return costs
