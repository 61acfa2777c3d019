"""What the statements of the hot path cost this process: accept and settle, by batch, in CPU time.

python -m tests.benchmarks.statements
python tests/tools.py with-postgresql python -m tests.benchmarks.statements
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing

MESSAGES = 1500
BATCHES = (1, 20)
BODY = b"Subject: x\r\n\r\n" + b"la la la la la la la la la la la la\r\n" * 110


def main() -> None:
    """Print microseconds per message."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ADMINCENTER_DATA_DIR"] = scratch
        os.environ["ADMINCENTER_SERVER"] = "E15MB1"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "admincenter.settings")
        measure()


def measure() -> None:
    """On an empty database of its own."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from tests.support import engine

    engine.server()
    engine.connector(smart_hosts=("127.0.0.1",))
    with closing(connection):
        for batch in BATCHES:
            _say(f"accept, {batch} at once", accept(batch))
        for batch in BATCHES:
            _say(f"settle, {batch} at once", settle(batch))


def accept(batch: int) -> list[float]:
    """Take messages in; returns CPU seconds a message."""
    from django.db import transaction
    from django.utils import timezone

    from transport import servers, submission
    from transport.envelope import Envelope

    server = servers.own()

    def store(number: int) -> None:
        envelopes = [
            Envelope(
                mail_from="a@bench.test",
                recipients=(f"{number + one}b@example.test",),
                content=BODY,
                received_at=timezone.now(),
            )
            for one in range(batch)
        ]
        with transaction.atomic():
            submission.accept(envelopes, server=server, now=timezone.now())

    return _timed(store, batch=batch)


def settle(sessions: int) -> list[float]:
    """Deliver what waits over so many sessions that settle together, each claiming its next message."""
    from django.db import transaction
    from django.utils import timezone

    from connectors import routing
    from tests.support import engine
    from transport import judged, outcomes, wishes
    from transport.models import Queue
    from transport.queue import claims
    from transport.queue.outcome import Try
    from transport.states import DeliveryType

    queue = Queue.objects.get(delivery_type=DeliveryType.SMART_HOST)
    with transaction.atomic():
        opened = [
            claims.open_session(queue.pk, worker=engine.WORKER, limits=engine.LIMITS, now=timezone.now())
            for _ in range(sessions)
        ]
    held = {one.session_id: list(one.claims) for one in opened if one is not None}
    generation = routing.current().generation

    def wish(one: claims.Opened) -> wishes.Settle:
        claim = held[one.session_id].pop(0)
        decided = [(address, engine.DELIVERED) for _, address in claim.recipients]
        tried = Try(reply=engine.DELIVERED, outcome="delivered")
        outcome = judged.outcome_of(claim, decided, signature=engine.signature(one), tries=(tried,))
        more = wishes.More(session_id=one.session_id, queue_id=queue.pk, generation=generation, most=1)
        return wishes.Settle(outcome=outcome, more=more)

    def write(_number: int) -> None:
        wishes = [wish(one) for one in opened if one is not None]
        with transaction.atomic():
            answers = outcomes.settle(wishes)
        for one, answer in zip(opened, answers, strict=True):
            held[one.session_id] += answer

    spent = _timed(write, batch=sessions, messages=MESSAGES - 100)
    with transaction.atomic():
        for one in opened:
            claims.close_session(one.session_id)
    return spent


def _timed(step: Callable[[int], None], *, batch: int, messages: int = MESSAGES) -> list[float]:
    spent = []
    for number in range(0, messages, batch):
        started = time.thread_time()
        step(number)
        spent.append((time.thread_time() - started) / batch)
    return spent


def _say(what: str, spent: Sequence[float]) -> None:
    median, mean = (1e6 * figure(spent) for figure in (statistics.median, statistics.mean))
    sys.stdout.write(f"{what:<20} median {median:6.0f} us a message, mean {mean:6.0f} us\n")


if __name__ == "__main__":
    main()
