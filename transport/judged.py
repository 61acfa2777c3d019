"""What the replies of one transaction make of one claim: recipients sorted, the next time set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from transport import dsn, intervals, retries, verdicts
from transport.envelope import Reply, Stage, TransactionResult
from transport.queue.claimed import Claim
from transport.queue.outcome import Decided, Outcome, Try

BROKEN = Reply(
    code=451,
    enhanced="4.3.0",
    text="Internal error, see the log of this server",
    stage=Stage.QUEUE,
    remote=False,
)
"""A defect of ours ended the attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who tried: the session, its queue and its connector."""

    session_id: int
    smtp_session: str
    """Number of the connection, as the protocol log has it."""
    server_id: int
    queue_id: int
    queue_identity: str
    connector_name: str
    connector_version: int
    metered: int = 0
    """Id of the connector if its messages per day are limited."""


def outcome_of(
    claim: Claim,
    replies: Sequence[tuple[str, Reply]],
    *,
    signature: Signature,
    tries: Sequence[Try],
    unfinished: bool = False,
) -> Outcome:
    """Sort the recipients that were tried by what their replies mean."""
    ids = {address: recipient_id for recipient_id, address in claim.recipients}
    judged = [((ids[address], address, reply), verdicts.judge(reply)) for address, reply in replies]
    waiting = [(one, verdict) for one, verdict in judged if isinstance(verdict, verdicts.Deferred)]
    deferred: Decided = tuple(one for one, _ in waiting)
    # At once only where the host took somebody: else it would be asked the same thing for ever.
    again_now = len(waiting) < len(judged) and all(verdict.split for _, verdict in waiting)
    delivered = tuple(one for one, verdict in judged if isinstance(verdict, verdicts.Delivered))
    return Outcome(
        session_id=signature.session_id,
        smtp_session=signature.smtp_session,
        server_id=signature.server_id,
        queue_id=signature.queue_id,
        queue_identity=signature.queue_identity,
        connector_name=signature.connector_name,
        connector_version=signature.connector_version,
        metered=signature.metered,
        queued_id=claim.queued_id,
        message_id=claim.message_id,
        delivered=delivered,
        relayed=_unreported(claim, delivered, tries=tries) if claim.dsn_requests else (),
        failed=tuple(one for one, verdict in judged if isinstance(verdict, verdicts.Failed)),
        deferred=deferred,
        retry_at=_retry_at(claim, again_now=again_now) if deferred else None,
        error=deferred[-1][2].line if deferred else "",
        unfinished=unfinished,
        tries=tuple(tries),
    )


def _unreported(claim: Claim, delivered: Decided, *, tries: Sequence[Try]) -> Decided:
    """Whose sender wants to hear of success, from us as the host offers no DSN (RFC 3461 section 5.2.2)."""
    if tries and tries[-1].takes_dsn:
        return ()
    requests = claim.dsn_requests
    return tuple(
        one
        for one in delivered
        if (request := requests.get(one[1])) and dsn.wants(dsn.SUCCESS, request.notify)
    )


def _retry_at(claim: Claim, *, again_now: bool) -> datetime:
    now = timezone.now()
    if again_now:
        return now
    return retries.next_message_retry(intervals.own_schedule(), retries=claim.retry_count + 1, now=now)


def untried(claim: Claim, *, signature: Signature, tries: Sequence[Try]) -> Outcome:
    """The outcome for a message that no host could be asked about: only the tries are noted."""
    outcome = outcome_of(claim, (), signature=signature, tries=tries)
    return replace(outcome, untried=tuple(address for _, address in claim.recipients))


def word_of(replies: Sequence[tuple[str, Reply]]) -> str:
    """One word for the attempt: delivered, failed, deferred or mixed."""
    words = {_WORDS[type(verdicts.judge(reply))] for _, reply in replies}
    return words.pop() if len(words) == 1 else "mixed"


_WORDS: Mapping[type, str] = {
    verdicts.Delivered: "delivered",
    verdicts.Failed: "failed",
    verdicts.Deferred: "deferred",
}


def worst(replies: Sequence[tuple[str, Reply]]) -> Reply:
    """The reply that an administrator wants to see first."""
    return max((reply for _, reply in replies), key=lambda reply: reply.code)


def host_refusal(result: TransactionResult) -> Reply | None:
    """The reply by which a host refused to hear of any message, before it knew this one."""
    reply = result.replies[0][1]
    verdict = verdicts.judge(reply)
    if reply.stage != Stage.MAIL or not isinstance(verdict, verdicts.Deferred):
        return None
    return reply if verdict.scope == verdicts.Scope.HOST else None


def cannot_take(result: TransactionResult) -> bool:
    """Whether only this host cannot take the message (too large, 8BITMIME or SMTPUTF8 missing)."""
    judged = [verdicts.judge(reply) for _, reply in result.replies]
    return all(isinstance(verdict, verdicts.Failed) and verdict.try_next_host for verdict in judged)
