"""How a claimed message is said to a host: in transactions of so many recipients."""

from collections.abc import Iterator
from dataclasses import dataclass

from transport.envelope import Transaction
from transport.queue.claimed import Claim

RECIPIENTS_PER_TRANSACTION = 100
"""Every server must take so many (RFC 5321 section 4.5.3.1.8)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """One transaction."""

    claim: Claim
    transaction: Transaction
    last: bool
    """The message has no further recipients."""


def parts(claim: Claim) -> Iterator[Part]:
    """Yield the transactions that carry one message; ValueError for one whose content was not read."""
    if not claim.content:
        raise ValueError(f"The content of message {claim.message_id} was not read")
    for at in range(0, len(claim.recipients), RECIPIENTS_PER_TRANSACTION):
        end = at + RECIPIENTS_PER_TRANSACTION
        transaction = Transaction(
            message_id=claim.message_id,
            mail_from=claim.mail_from,
            recipients=tuple(address for _, address in claim.recipients[at:end]),
            content=claim.content,
            size_bytes=claim.size_bytes,
            eight_bit=claim.eight_bit,
            smtputf8=claim.smtputf8,
            ret=claim.ret,
            envid=claim.envid,
            internet_message_id=claim.internet_message_id,
            dsn_requests=claim.dsn_requests,
        )
        yield Part(claim=claim, transaction=transaction, last=end >= len(claim.recipients))
