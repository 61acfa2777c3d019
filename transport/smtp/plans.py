"""What to say to one host about one message, decided from what the host offers, before a word is said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transport.envelope import Stage, Transaction
from transport.smtp import commands, notifying
from transport.smtp.errors import CannotSay, HostCannotTake
from transport.smtp.extensions import Extensions


class Step(NamedTuple):
    """One command of the envelope."""

    stage: Stage
    line: bytes
    recipient: int = -1
    """Index of the recipient whom an RCPT is about."""


PIPELINE_LIMIT = 120
"""Commands per write. Their replies fit any socket buffer, so neither side can wait for the other to read."""
RESET = Step(Stage.MAIL, commands.RSET)
"""Forget the transaction before; its answer decides nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """MAIL, an RCPT for each recipient that can be said, DATA; no steps when no recipient can."""

    steps: Sequence[Step]
    refused: Mapping[int, CannotSay]
    """Recipients, by index, that this host cannot be told."""


def plan(transaction: Transaction, *, offered: Extensions) -> Plan:
    """Return the steps. Raises CannotSay when the message as a whole cannot go to this host."""
    _check(transaction, offered=offered)
    smtputf8 = offered.smtputf8 and _is_international(transaction)
    mail = commands.mail(
        transaction.mail_from,
        offered=offered,
        size_bytes=transaction.size_bytes,
        eight_bit=transaction.eight_bit or not _is_ascii(transaction.content),
        smtputf8=smtputf8,
    )
    rcpts: list[Step] = []
    refused: dict[int, CannotSay] = {}
    for index, recipient in enumerate(transaction.recipients):
        try:
            line = commands.rcpt(recipient, smtputf8=smtputf8)
            if offered.dsn and recipient in transaction.dsn_requests:
                request = transaction.dsn_requests[recipient]
                line = notifying.with_rcpt_parameters(line, recipient, request, smtputf8=smtputf8)
            rcpts.append(Step(Stage.RCPT, line, index))
        except CannotSay as error:
            refused[index] = error
    if offered.dsn:
        mail = notifying.with_mail_parameters(mail, transaction)
    steps = [Step(Stage.MAIL, mail), *rcpts, Step(Stage.DATA, commands.DATA)] if rcpts else []
    return Plan(steps=steps, refused=refused)


def groups(steps: Sequence[Step], *, pipelining: bool) -> Iterator[Sequence[Step]]:
    """Yield what goes out in one write."""
    at_once = PIPELINE_LIMIT if pipelining else 1
    for at in range(0, len(steps), at_once):
        yield steps[at : at + at_once]


def _check(transaction: Transaction, *, offered: Extensions) -> None:
    limit = offered.size_limit_bytes
    if limit is not None and transaction.size_bytes > limit:
        text = f"The message has {transaction.size_bytes} bytes, the host takes {limit}"
        raise HostCannotTake(text, code=552, enhanced="5.3.4")
    if not offered.eight_bit and not _is_ascii(transaction.content):
        text = "The message holds 8-bit content and the host does not offer 8BITMIME"
        raise HostCannotTake(text, code=554, enhanced="5.6.3")
    if transaction.smtputf8 and not offered.smtputf8 and not _header_is_ascii(transaction.content):
        text = "The message header is not ASCII and the host does not offer SMTPUTF8"
        raise HostCannotTake(text, code=550, enhanced="5.6.7")


def _is_international(transaction: Transaction) -> bool:
    names = (transaction.mail_from, *transaction.recipients)
    return transaction.smtputf8 or any(map(commands.needs_smtputf8, names))


def _is_ascii(chunks: Sequence[bytes]) -> bool:
    return all(chunk.isascii() for chunk in chunks)


def _header_is_ascii(chunks: Sequence[bytes]) -> bool:
    """Whether the lines before the first empty one are ASCII; an empty line may lie across chunks."""
    tail = b""
    for chunk in chunks:
        header, found, _ = (tail + chunk).partition(b"\r\n\r\n")
        if not header.isascii():
            return False
        if found:
            return True
        tail = header[-3:]
    return True
