"""What the replies of one transaction make of one claim: recipients sorted, the next time set."""

from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone

from transport import intervals, retries, verdicts
from transport.envelope import Reply, Stage, TransactionResult
from transport.queue.claims import Claim
from transport.queue.records import Decided, Outcome

BROKEN = Reply(
    code=451,
    enhanced="4.3.0",
    text="Internal error, see the log of this server",
    stage=Stage.QUEUE,
    remote=False,
)
"""A defect of ours ended the attempt."""


def outcome_of(claim: Claim, replies: Sequence[tuple[str, Reply]]) -> Outcome:
    """Sort the recipients of one message by what their replies mean."""
    ids = {address: recipient_id for recipient_id, address in claim.recipients}
    judged = [((ids[address], address, reply), verdicts.judge(reply)) for address, reply in replies]
    waiting = [(one, verdict) for one, verdict in judged if isinstance(verdict, verdicts.Deferred)]
    deferred: Decided = tuple(one for one, _ in waiting)
    # At once only where the host took somebody: else it would be asked the same thing for ever.
    again_now = len(waiting) < len(judged) and all(verdict.split for _, verdict in waiting)
    now = timezone.now()
    later = retries.next_message_retry(intervals.own_schedule(), retries=claim.retry_count + 1, now=now)
    return replace(
        _blank(claim),
        delivered=tuple(one for one, verdict in judged if isinstance(verdict, verdicts.Delivered)),
        failed=tuple(one for one, verdict in judged if isinstance(verdict, verdicts.Failed)),
        deferred=deferred,
        retry_at=(now if again_now else later) if deferred else None,
        error=deferred[-1][2].line if deferred else "",
    )


def untried(claim: Claim) -> Outcome:
    """The outcome for a message that no host could be asked about; the session signs it."""
    return replace(_blank(claim), untried=tuple(address for _, address in claim.recipients))


def _blank(claim: Claim) -> Outcome:
    return Outcome(
        session_id=0,
        queue_id=0,
        queue_identity="",
        connector_name="",
        connector_version=0,
        queued_id=claim.queued_id,
        message_id=claim.message_id,
    )


def word_for(outcome: Outcome) -> str:
    """One word for the attempt: delivered, failed, deferred or mixed."""
    words = [
        word
        for word, decided in (
            ("delivered", outcome.delivered),
            ("failed", outcome.failed),
            ("deferred", outcome.deferred),
        )
        if decided
    ]
    return words[0] if len(words) == 1 else "mixed"


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
