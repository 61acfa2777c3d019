"""Celery's way into the engine: one task opens one SMTP session; the worker process runs one dispatcher."""

import logging
import os
import socket
import threading
import uuid

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from transport import bell, delivery, in_hand, outcomes
from transport.dispatcher import Dispatcher
from transport.engine import Engine
from transport.log_rooms import send_room
from transport.protocol_log import Direction, LogFiles
from transport.queue.claims import Worker, own_limits
from transport.sign_ins import SignIns

logger = logging.getLogger(__name__)
_stopping = threading.Event()
_engines: list[Engine] = []
"""The engine of this process, made when its first task or its dispatcher needs it."""
_making = threading.Lock()


@shared_task(name=bell.ANSWER, ignore_result=True)
def answer(queue_ids: list[int]) -> None:
    """See to the mail of queues that no session of this process looks after: each gets one."""
    shared = engine()
    unattended = [queue_id for queue_id in queue_ids if not shared.attendance.answer(queue_id)]
    for queue_id in unattended[1:]:
        shared.ring(queue_id, 1)
    if unattended:
        _deliver(unattended[0], at_once=True)


@shared_task(name=bell.DELIVER, ignore_result=True)
def deliver(queue_id: int) -> None:
    """Open one session for a queue of this server. Running it twice, or late, does no harm."""
    _deliver(queue_id)


def _deliver(queue_id: int, *, at_once: bool = False) -> None:
    try:
        delivery.deliver(queue_id, engine=engine(), at_once=at_once)
    except Exception:
        # The border of the task: the lease puts the mail back, the log keeps the reason.
        logger.exception("delivery_session_broke", extra={"queue_id": queue_id})


def engine() -> Engine:
    """What the sessions of this process share."""
    with _making:
        if not _engines:
            _engines.append(_make_engine())
    return _engines[0]


def _make_engine() -> Engine:
    name = uuid.uuid4().hex
    in_hand.begin(settings.IN_HAND_DIR, worker=name)
    worker = Worker(name=name, host_name=socket.gethostname(), process_id=os.getpid())
    return Engine(
        ledger=outcomes.ledger(),
        worker=worker,
        limits=own_limits,
        own_listeners=(settings.SMTP_ADDRESS,),
        # From a thread of its own: a Redis that hangs must not hold up the clock of the leases.
        ring=lambda queue_id, sessions: bell.own().call(settings.SERVER_NAME, queue_id, sessions=sessions),
        sign_ins=SignIns(ca_file=settings.TESTING_CA_FILE or None),
        protocol_log=LogFiles(Direction.SEND, room=send_room),
        open_sessions=set(),
        stopping=_stopping.is_set,
    )


@worker_ready.connect
def start_dispatcher(**_: object) -> None:
    """Run the dispatcher inside the worker: no separate beat can be missing, or run twice."""
    shared = engine()
    dispatcher = Dispatcher(
        worker=shared.worker,
        limits=shared.limits,
        ring=shared.ring,
        open_sessions=shared.open_sessions,
        stopping=_stopping,
        throttles=shared.throttles,
        attendance=shared.attendance,
    )
    threading.Thread(target=dispatcher.run, name="dispatcher", daemon=True).start()


@worker_shutting_down.connect
def stop(**_: object) -> None:
    """Let every session finish the message in its hand and open no new one."""
    _stopping.set()
