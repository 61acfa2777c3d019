"""What became of an attempt, written down: recipients, attempts, queue counters, in one transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from transport import tracking
from transport.bulk import execute_many, insert, marks, moment, select
from transport.envelope import Reply
from transport.models import Attempt, Queue, Session
from transport.queue import counters
from transport.queue.moves import Ended, put_back
from transport.queue.notices import Notice
from transport.queue.outcome import Outcome, Recorded, Try
from transport.states import Action, RecipientState

_SEND, _FAIL, _DEFER = (
    word.value for word in (tracking.EventId.SEND, tracking.EventId.FAIL, tracking.EventId.DEFER)
)


def record(outcomes: Sequence[Outcome], *, now: datetime) -> Recorded:
    """Write the outcomes of parallel sessions; must run in a transaction.

    An outcome whose session no longer holds the claim is dropped: the lease ran out and the message
    is somebody else's. Its recipients stay as they are, so nothing is lost and one copy may be double.
    """
    held = _held(outcomes)
    valid = [outcome for outcome in outcomes if held.get(outcome.queued_id) == outcome.session_id]
    _record_recipients(valid, now=now)
    record_tries(valid, now=now)
    finished = [outcome for outcome in valid if not outcome.unfinished]
    removals = _wait_on([outcome for outcome in finished if outcome.retry_at is not None])
    _end([outcome for outcome in finished if outcome.retry_at is None], now=now)
    _note_success(valid, now=now)
    _note_errors(valid, now=now)
    return Recorded(
        reports=_reports(valid),
        notices=_notices(valid),
        removals=tuple(removals),
        taken=Counter(outcome.metered for outcome in valid if outcome.metered and _may_be_taken(outcome)),
    )


def _may_be_taken(outcome: Outcome) -> bool:
    return bool(outcome.delivered) or any(a_try.in_doubt for a_try in outcome.tries)


def note_failure(  # noqa: PLR0913 - what happened, and when
    queue_id: int,
    *,
    reply: Reply,
    retry_at: datetime,
    tried_at: datetime,
    now: datetime,
    beside_working: bool = False,
) -> None:
    """No host of the next hop could be used: the queue goes to Retry (exchange.md 4.4).

    `tried_at` is when the session opened. Sessions that failed side by side count as one failure, and a
    session that failed beside one that works (a host that takes only so many) does not count at all, unless
    it is to count `beside_working` ones: a new login would fail again.
    """
    working = Session.objects.filter(queue=OuterRef("pk"), connected=True)
    not_yet_counted = Q(last_retry_at__isnull=True) | Q(last_retry_at__lt=tried_at)
    counts = not_yet_counted if beside_working else not_yet_counted & ~Exists(working)
    Queue.objects.filter(counts, pk=queue_id).update(
        retry_count=F("retry_count") + 1,
        first_retry_at=Coalesce("first_retry_at", Value(now)),
        last_retry_at=now,
        next_retry_at=retry_at,
        last_error=reply.line[:1024],
        last_error_host=place(reply),
        last_error_at=now,
    )


def _held(outcomes: Sequence[Outcome]) -> dict[int, int]:
    """Who holds these messages. They are locked in the order of their numbers, as everybody does."""
    ids = [outcome.queued_id for outcome in outcomes]
    if not ids:
        return {}
    lock = " ORDER BY id FOR UPDATE" if connection.features.has_select_for_update else ""
    return dict(
        select(f"SELECT id, session_id FROM transport_queuedmessage WHERE id IN ({marks(ids)}){lock}", ids)
    )


def _record_recipients(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    ended = [
        (state, reply.line[:1024], moment(now), recipient_id)
        for outcome in outcomes
        for state, decided in (
            (RecipientState.DELIVERED, outcome.delivered),
            (RecipientState.FAILED, outcome.failed),
        )
        for recipient_id, _, reply in decided
    ]
    waiting = [
        (reply.line[:1024], recipient_id)
        for outcome in outcomes
        for recipient_id, _, reply in outcome.deferred
    ]
    execute_many(
        "UPDATE transport_recipient SET state = %s, last_reply = %s, ended_at = %s,"
        " queued_message_id = NULL WHERE id = %s",
        ended,
    )
    execute_many("UPDATE transport_recipient SET last_reply = %s WHERE id = %s", waiting)


def record_tries(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Note the attempts of these outcomes, whatever became of the messages."""
    columns = (
        "message_id", "queue_id", "queue_identity", "connector_name", "connector_version", "at",
        "outcome", "host", "address", "stage", "code", "enhanced", "text", "tls", "tls_policy", "in_doubt",
    )  # fmt: skip
    insert(
        Attempt,
        columns,
        [_try_row(outcome, a_try, now=now) for outcome in outcomes for a_try in outcome.tries],
    )
    tracking.write((line for outcome in outcomes for line in tracking_lines(outcome)), now=now)


def tracking_lines(outcome: Outcome) -> Iterator[tracking.Line]:
    """Tell the tracking log what was decided about whom."""
    for event, decided in (
        (_SEND, outcome.delivered),
        (_FAIL, outcome.failed),
        (_DEFER, outcome.deferred),
    ):
        if decided:
            addresses = [address for _, address, _ in decided]
            yield _line(event, outcome, addresses=addresses, replies=[reply for _, _, reply in decided])
    if outcome.untried and outcome.tries:
        yield _line(_DEFER, outcome, addresses=outcome.untried, replies=(outcome.tries[-1].reply,))


def _line(
    event: str, outcome: Outcome, *, addresses: Sequence[str], replies: Sequence[Reply]
) -> tracking.Line:
    first = replies[0]
    return tracking.Line(
        server_id=outcome.server_id,
        message_id=outcome.message_id,
        event=event,
        source=tracking.source_of(first).value,
        connector=outcome.connector_name,
        peer_name=first.host[:255],
        peer_address=first.address[:64],
        recipients=tracking.listed(addresses),
        statuses=tracking.statuses(replies),
        context=outcome.smtp_session,
        custom_data="S:InDoubt=True" if outcome.tries and outcome.tries[-1].in_doubt else "",
    )


def _try_row(outcome: Outcome, a_try: Try, *, now: datetime) -> tuple[object, ...]:
    reply = a_try.reply
    return (
        outcome.message_id,
        outcome.queue_id,
        outcome.queue_identity,
        outcome.connector_name,
        outcome.connector_version,
        moment(now),
        a_try.outcome,
        reply.host[:255],
        reply.address[:64],
        str(reply.stage),
        reply.code,
        reply.enhanced[:16],
        reply.text[:600],
        a_try.tls[:300],
        a_try.tls_policy[:255],
        a_try.in_doubt,
    )


def _wait_on(outcomes: Sequence[Outcome]) -> list[int]:
    removals: list[int] = []
    for outcome in outcomes:
        removals += put_back([outcome.queued_id], error=outcome.error, retry_at=outcome.retry_at)
    return removals


def _end(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    execute_many(
        "DELETE FROM transport_queuedmessage WHERE id = %s AND session_id = %s",
        [(outcome.queued_id, outcome.session_id) for outcome in outcomes],
    )
    sent = Counter(outcome.queue_id for outcome in outcomes if outcome.delivered)
    counters.count_out(Counter(outcome.queue_id for outcome in outcomes), now=now, sent=sent)


def _note_success(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """A host took a message: the queue is not in Retry any more, and what gathered is its backlog."""
    reached = {outcome.queue_id for outcome in outcomes if outcome.delivered or outcome.retry_at is not None}
    if not reached:
        return
    # Mostly there is none, and looking locks no row.
    troubled = select(
        f"SELECT id FROM transport_queue WHERE id IN ({marks(reached)})"
        " AND (retry_count > 0 OR next_retry_at IS NOT NULL)",
        list(reached),
    )
    for (queue_id,) in troubled:
        counters.change(queue_id, partial(execute_many, _REACHED, [(moment(now), queue_id)]))


_REACHED = (
    "UPDATE transport_queue SET retry_count = 0, first_retry_at = NULL, last_retry_at = NULL,"
    " next_retry_at = NULL, last_error = '', last_error_host = '', last_error_at = NULL,"
    " backlog_until = %s WHERE id = %s"
)


def _note_errors(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """The last reply that made a message wait is the last error of its queue."""
    latest = {
        outcome.queue_id: outcome.deferred[-1][2]
        for outcome in outcomes
        if outcome.deferred and outcome.retry_at is not None
    }
    for queue_id, reply in latest.items():
        error = {"last_error": reply.line[:1024], "last_error_host": place(reply), "last_error_at": now}
        counters.change(queue_id, partial(Queue.objects.filter(pk=queue_id).update, **error))


def place(reply: Reply) -> str:
    """Who said it: `mx.example 192.0.2.1:25`."""
    return " ".join(part for part in (reply.host, reply.address) if part)[:300]


def note_connected(session_ids: Sequence[int]) -> None:
    """The sessions speak to their hosts: their queues are Active, no longer Connecting."""
    execute_many(
        "UPDATE transport_session SET connected = %s WHERE id = %s",
        [(True, session_id) for session_id in sorted(session_ids)],
    )


def _reports(outcomes: Sequence[Outcome]) -> tuple[Ended, ...]:
    return tuple(
        Ended(
            message_id=outcome.message_id,
            failures=tuple((address, reply) for _, address, reply in outcome.failed),
        )
        for outcome in outcomes
        if outcome.failed
    )


def _notices(outcomes: Sequence[Outcome]) -> tuple[Notice, ...]:
    return tuple(
        Notice(
            message_id=outcome.message_id,
            action=Action.RELAYED,
            recipients=tuple((address, reply) for _, address, reply in outcome.relayed),
        )
        for outcome in outcomes
        if outcome.relayed
    )
