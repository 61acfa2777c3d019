"""What the sessions of one worker want written, in shared transactions: opened, settled, closed."""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from connectors import routing
from connectors.profiles import DeliveryProfile
from transport import intervals, judged, login_holds, retries, servers, submission
from transport.cleaning import clean_text
from transport.commits import Committer
from transport.envelope import Reply, Stage
from transport.models import Queue
from transport.queue import allowances, claims, counters, moves, poison, records, sweeps
from transport.queue.claimed import Claim
from transport.queue.claimed import with_content as read_content
from transport.queue.moves import Ended
from transport.queue.notices import Notice
from transport.throttles import UNLIMITED, ConnectorLimits, Throttles
from transport.wishes import Answer, Close, Connected, More, Open, Outdated, Settle, TakenBack, Wish, Work

KEPT_FOR = timedelta(hours=1)
"""How long results wait in memory for a database that is gone, locked or full; no dot goes out meanwhile."""


def ledger() -> Committer[Wish, Answer]:
    """The one writer of a worker process. A commit costs a flush: what comes close together shares one."""
    return Committer(
        settle,
        name="ledger",
        gather=timedelta(milliseconds=2),
        most=400,
        patience=KEPT_FOR,
        finish=with_content,
    )


@counters.last()
def settle(wishes: Sequence[Wish]) -> list[Answer]:
    """Write a batch of wishes, results first; must run in a transaction. Answers stand in the given order."""
    now = timezone.now()
    settled = [wish for wish in wishes if isinstance(wish, Settle)]
    asking = [wish for wish in wishes if isinstance(wish, More)]
    asking += [wish.more for wish in settled if wish.more]
    asked = {wish.outcome.session_id for wish in settled} | {more.session_id for more in asking}
    claims.take_turns({wish.queue_id for wish in wishes if isinstance(wish, Open)})
    lasting = claims.lock_sessions(asked)
    metered = {wish.outcome.metered for wish in settled} | {more.metered for more in asking}
    if metered := metered - {0}:
        allowances.lock(metered, now=now)
    closing = [wish.session_id for wish in wishes if isinstance(wish, Close)]
    if closing:
        moves.lock([wish.outcome.queued_id for wish in settled], session_ids=closing)
    _settle_outcomes(settled, now=now)
    connected = [wish.session_id for wish in wishes if isinstance(wish, Connected)]
    if connected:
        records.note_connected(connected)
    claimed = _claim(asking, lasting=lasting, now=now)
    return [_answer(wish, lasting=lasting, claimed=claimed, now=now) for wish in wishes]


def with_content(answers: Sequence[Answer]) -> list[Answer]:
    """Read the content of what was claimed: after the transaction, so that others write meanwhile."""
    claimed = [one for answer in answers for one in _claims_in(answer)]
    if not claimed:
        return list(answers)
    whole = {one.queued_id: one for one in read_content(claimed)}
    return [_filled(answer, whole) for answer in answers]


def _claims_in(answer: Answer) -> tuple[Claim, ...]:
    if isinstance(answer, Work):
        return answer.opened.claims
    return answer if isinstance(answer, tuple) else ()


def _filled(answer: Answer, whole: Mapping[int, Claim]) -> Answer:
    found = tuple(whole[one.queued_id] for one in _claims_in(answer) if one.queued_id in whole)
    if isinstance(answer, Work):
        return replace(answer, opened=replace(answer.opened, claims=found))
    return found if isinstance(answer, tuple) else answer


def _settle_outcomes(settled: Sequence[Settle], *, now: datetime) -> None:
    if not settled:
        return
    recorded = records.record([wish.outcome for wish in settled], now=now)
    if recorded.taken:
        allowances.count(recorded.taken, now=now)
    removed = sweeps.take_out_pending(recorded.removals, now=now)
    broken = [wish.outcome.queued_id for wish in settled if wish.outcome.error == judged.BROKEN.line]
    if broken:
        poison.blame(broken, now=now)
    report([*recorded.reports, *removed], now=now)
    notify(recorded.notices, now=now)


def _claim(asking: Sequence[More], *, lasting: Container[int], now: datetime) -> Mapping[int, Answer]:
    """What each asking session gets, by session."""
    if not asking:
        return {}
    generation = routing.current().generation
    heard = [more for more in asking if more.session_id in lasting and more.generation == generation]
    wants = [
        claims.Want(session_id=more.session_id, queue_id=more.queue_id, most=most)
        for more, most in _within_allowances(heard, now=now)
    ]
    outdated = {more.session_id: Outdated() for more in asking if more.generation != generation}
    return {**outdated, **claims.claim(wants, now=now)}


def _within_allowances(asking: Sequence[More], *, now: datetime) -> Iterator[tuple[More, int]]:
    """How many messages each may have, where the messages per day of its connector are limited."""
    left: dict[int, int] = {}
    for more in asking:
        most = more.most
        if more.metered:
            if more.metered not in left:
                hold = allowances.hold(_connector_limits(more.metered), now=now)
                left[more.metered] = most if hold is None else hold.room
            most = min(most, left[more.metered])
            left[more.metered] -= most
        if most:
            yield more, most


def _connector_limits(connector_id: int) -> ConnectorLimits:
    profile = routing.current().profiles.get(connector_id)
    return UNLIMITED if profile is None else _limits_of(profile, source_servers=())


def _answer(wish: Wish, *, lasting: Container[int], claimed: Mapping[int, Answer], now: datetime) -> Answer:
    if isinstance(wish, Settle | More):
        # A session may settle one message and ask ahead in the same batch: mail goes to the wish that asked.
        more = wish.more if isinstance(wish, Settle) else wish
        session_id = wish.outcome.session_id if isinstance(wish, Settle) else wish.session_id
        if session_id not in lasting:
            return TakenBack()
        return claimed.get(session_id, ()) if more is not None else ()
    if isinstance(wish, Open):
        return _open(wish, now=now)
    if isinstance(wish, Close):
        _close(wish, now=now)
    return None


def _open(wish: Open, *, now: datetime) -> Work | None:
    # Before the profile: a change between the two makes it look older than it is, and it is read again.
    generation = routing.current().generation
    if wish.throttles.generation != generation:
        learn_limits(wish.throttles)
    opened = claims.open_session(
        wish.queue_id, worker=wish.worker, limits=wish.limits, now=now, throttles=wish.throttles
    )
    if opened is None:
        return None
    try:
        profile = routing.profile(opened.connector_id)
    except routing.UnusableConnector as unusable:
        _hold(opened, str(unusable), now=now)
        return None
    if profile is None:
        # The connector is gone or disabled: the dispatcher is about to route this mail anew.
        claims.close_session(opened.session_id)
        return None
    held = login_holds.held(opened.server, profile, now=now)
    if held is not None:
        _wait(opened, login_holds.reply_of(held), retry_at=held.until, now=now)
        return None
    return Work(opened=opened, profile=profile, generation=generation)


def learn_limits(throttles: Throttles) -> None:
    """Tell the sessions of a process what each connector limits now, as far as it concerns this server."""
    known = routing.current()
    limits = {
        connector_id: _limits_of(profile, source_servers=known.source_servers.get(connector_id, ()))
        for connector_id, profile in known.profiles.items()
    }
    throttles.learn(limits, generation=known.generation)


def _limits_of(profile: DeliveryProfile, *, source_servers: Collection[str]) -> ConnectorLimits:
    rate = profile.messages_per_second
    return ConnectorLimits(
        connector_id=profile.connector_id,
        name=profile.name,
        max_connections=profile.max_connections,
        messages_per_second=None if rate is None else float(rate),
        sharing=1 if rate is None else servers.sharing(source_servers),
        messages_per_day=profile.messages_per_day,
    )


def _hold(opened: claims.Opened, why: str, *, now: datetime) -> None:
    """Nobody can be dialled before an administrator mends the connector; the mail waits in Retry."""
    reply = Reply(code=454, enhanced="4.7.0", text=clean_text(why, limit=500), stage=Stage.AUTH, remote=False)
    _close(
        Close(
            session_id=opened.session_id,
            queue_id=opened.queue_id,
            opened_at=opened.opened_at,
            failure=reply,
        ),
        now=now,
    )


def _wait(opened: claims.Opened, reply: Reply, *, retry_at: datetime, now: datetime) -> None:
    """Nobody is dialled before `retry_at`: the mail waits in Retry until then."""
    asked = claims.close_session(opened.session_id, error=reply.line)
    report(sweeps.take_out_pending(asked, now=now), now=now)
    records.note_failure(
        opened.queue_id, reply=reply, retry_at=retry_at, tried_at=now, now=now, beside_working=True
    )


def _close(wish: Close, *, now: datetime) -> None:
    records.record_tries(wish.tries, now=now)
    error = wish.failure.line if wish.failure else ""
    asked = claims.close_session(wish.session_id, error=error)
    if wish.failure is not None:
        counters.change(wish.queue_id, partial(_fail_queue, wish, reply=wish.failure, now=now))
    report(sweeps.take_out_pending(asked, now=now), now=now)


def _fail_queue(wish: Close, *, reply: Reply, now: datetime) -> None:
    if reply.refuses_login:
        shown, until = login_holds.begin(
            wish.queue_id, version=wish.connector_version, refusal=reply, now=now
        )
        records.note_failure(
            wish.queue_id, reply=shown, retry_at=until, tried_at=wish.opened_at, now=now, beside_working=True
        )
        return
    failures = Queue.objects.filter(pk=wish.queue_id).values_list("retry_count", flat=True).first() or 0
    retry_at = retries.next_queue_retry(intervals.own_schedule(), failures=failures + 1, now=now)
    records.note_failure(wish.queue_id, reply=reply, retry_at=retry_at, tried_at=wish.opened_at, now=now)


def report(ended: Sequence[Ended], *, now: datetime) -> None:
    """Send the non-delivery reports, from this server."""
    if ended:
        submission.report(ended, server=servers.own(), now=now)


def notify(notices: Sequence[Notice], *, now: datetime) -> None:
    """Send what senders are told of mail that has not failed, from this server."""
    if notices:
        submission.notify(notices, server=servers.own(), now=now)
