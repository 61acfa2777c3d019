"""Incoming and outgoing rate of each queue: messages per second over the last minute (exchange.md 4.5)."""

from collections import deque
from datetime import datetime, timedelta

from transport import history
from transport.bulk import execute_many
from transport.models import Queue, TransportServer

WINDOW = timedelta(minutes=1)
_NOTED = ("entered_noted", "departed_noted")


class Sampler:
    """Keeps the counters of the last minute in memory and writes the rates that follow from them.

    What came and went goes into the history with the same look.
    """

    def __init__(self) -> None:
        self._samples: dict[int, deque[tuple[datetime, int, int]]] = {}

    def sample(self, server: TransportServer, *, now: datetime) -> None:
        """Look at every queue once and write the rates that changed; must run in a transaction."""
        rows = list(
            Queue.objects.filter(server=server)
            .order_by("pk")
            .values_list("pk", "entered", "departed", "incoming_rate", "outgoing_rate", *_NOTED)
        )
        changes, unnoted = [], []
        for queue_id, entered, departed, incoming, outgoing, *noted in rows:
            rates = self._rates(queue_id, entered=entered, departed=departed, now=now)
            if rates != (incoming, outgoing):
                changes.append((*rates, queue_id))
            if noted != [entered, departed]:
                unnoted.append(queue_id)
        self._samples = {row[0]: self._samples[row[0]] for row in rows}
        # All that changes here is locked in one go, in the order of the numbers.
        history.note(server.pk, {*unnoted, *(change[-1] for change in changes)}, now=now)
        if changes:
            execute_many(
                "UPDATE transport_queue SET incoming_rate = %s, outgoing_rate = %s WHERE id = %s", changes
            )

    def _rates(self, queue_id: int, *, entered: int, departed: int, now: datetime) -> tuple[float, float]:
        # A queue that is new to this process was empty when it was made, or its past is unknown: start here.
        samples = self._samples.setdefault(queue_id, deque([(now, entered, departed)]))
        while len(samples) > 1 and now - samples[0][0] > WINDOW:
            samples.popleft()
        samples.append((now, entered, departed))
        since, entered_then, departed_then = samples[0]
        seconds = max((now - since).total_seconds(), 1.0)
        return round((entered - entered_then) / seconds, 2), round((departed - departed_then) / seconds, 2)
