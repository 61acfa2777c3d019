"""What one session holds, and its account with the ledger: claims come in, outcomes go out, in step."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from transport import judged
from transport.commits import TRANSIENT, Committer, Ticket
from transport.envelope import Reply
from transport.parts import Part, parts
from transport.queue.claimed import Claim
from transport.queue.outcome import Outcome, Try
from transport.wishes import Answer, Close, More, Outdated, Settle, TakenBack, Wish, Work

logger = logging.getLogger(__name__)
Ledger = Committer[Wish, Answer]


class Lost(Exception):  # noqa: N818 - says what became of the claims
    """The lease ran out: others send what this session holds."""


class Unwritten(Exception):  # noqa: N818 - as above
    """The database stayed away for longer than the ledger waits: nobody knows what is on disk."""


class Holdings:
    """The messages in the hands of one session."""

    def __init__(self, work: Work, *, ledger: Ledger, most: int) -> None:
        self._ledger = ledger
        self._most = most
        """How many messages the session holds at a time."""
        self._opened_at: datetime = work.opened.opened_at
        self._generation = work.generation
        self._unwritten: tuple[Ticket[Answer], Part] | None = None
        self._put_off: dict[int, Outcome] = {}
        """Earlier parts of a message of which recipients wait on, by queued id."""
        self.signature = judged.Signature(
            session_id=work.opened.session_id,
            smtp_session=f"{work.opened.session_id:012X}0000",
            server_id=work.opened.server.pk,
            queue_id=work.opened.queue_id,
            queue_identity=work.opened.queue_identity,
            connector_name=work.profile.name,
            connector_version=work.profile.version,
            metered=work.profile.connector_id if work.profile.messages_per_day is not None else 0,
        )
        self.parts: deque[Part] = deque()
        """What is to be sent, in order."""
        self.settled = 0
        self.outdated = False
        """The configuration changed: nothing further comes in."""
        self._coming: tuple[Ticket[Answer], int] | None = None
        """Mail that was asked for ahead, and how many messages."""
        self.came_full = False
        """The last claim got all that it asked for: there may be work for one more session."""
        self._take(work.opened.claims)

    def sign(self, *, smtp_session: str) -> None:
        """Outcomes from now on belong to this connection: 16 hex digits, as Exchange's logs number it."""
        self.signature = replace(self.signature, smtp_session=smtp_session)

    def catch_up(self) -> None:
        """Wait until the last outcome is on disk: until then no further final dot goes out.

        Raises `Lost` or `Unwritten`, and then it never goes out. An outcome that cannot be written at all is
        held against its message: sent again and again it would be double for ever.
        """
        if self._coming is not None and self._coming[0].ready:
            self._take_in()
        if self._unwritten is None:
            return
        (ticket, part), self._unwritten = self._unwritten, None
        try:
            self._hear(_result(ticket), asked=self._most)
        except (Lost, Unwritten):
            raise
        except Exception:
            logger.exception("outcome_cannot_be_written", extra={"message_id": part.claim.message_id})
            self._put_off.pop(part.claim.queued_id, None)
            self._hear(self._submit(Settle(outcome=self._broken(part), more=None)))

    def _broken(self, part: Part) -> Outcome:
        replies = [(address, judged.BROKEN) for address in part.transaction.recipients]
        tried = Try(reply=judged.BROKEN, outcome=judged.word_of(replies))
        return judged.outcome_of(part.claim, replies, signature=self.signature, tries=(tried,))

    def ask_ahead(self) -> None:
        """Ask for the mail after what is in hand: it comes while the host is busy and delays no final dot."""
        if self._coming is None and len(self.parts) < self._most:
            ticket: Ticket[Answer] = Ticket()
            more = self._more()
            self._coming = ticket, more.most
            self._ledger.hand_in(more, waiter=ticket)

    def ask(self) -> bool:
        """Ask for mail, unless it has been asked for; whether some came. Raises `Lost` and `Unwritten`."""
        self.catch_up()
        self.ask_ahead()
        self._take_in()
        return bool(self.parts)

    def has_mail(self) -> bool:
        """Whether there is a message to send, in hand or on its way. Raises `Lost` and `Unwritten`."""
        if not self.parts:
            self.catch_up()
        if not self.parts:
            self._take_in()
        return bool(self.parts)

    def _take_in(self) -> None:
        """Wait for what was asked for ahead."""
        if self._coming is not None:
            (ticket, asked), self._coming = self._coming, None
            self._hear(_result(ticket), asked=asked)

    def settle(
        self, part: Part, replies: Sequence[tuple[str, Reply]], *, tries: Sequence[Try], ask: bool
    ) -> None:
        """Hand one outcome to the ledger, and ask it for further mail; `catch_up` waits for both."""
        self.catch_up()
        outcome = judged.outcome_of(
            part.claim, replies, signature=self.signature, tries=tries, unfinished=not part.last
        )
        outcome = self._with_earlier_parts(outcome)
        if part.last:
            self.settled += 1
        more = self._more() if ask and not self.parts and self._coming is None else None
        ticket: Ticket[Answer] = Ticket()
        self._unwritten = ticket, part
        self._ledger.hand_in(Settle(outcome=outcome, more=more), waiter=ticket)

    def _with_earlier_parts(self, outcome: Outcome) -> Outcome:
        """A message waits on as long as a recipient of any of its parts does."""
        earlier = self._put_off.pop(outcome.queued_id, None)
        if earlier is not None and outcome.retry_at is None:
            outcome = replace(outcome, retry_at=earlier.retry_at, error=earlier.error)
        if outcome.unfinished and outcome.retry_at is not None:
            self._put_off[outcome.queued_id] = outcome
        return outcome

    def close(self, failure: Reply | None, *, tries: Sequence[Try]) -> None:
        """End the session; with a `failure`, what it could not try is noted and waits on."""
        left = {part.claim.queued_id: part.claim for part in self.parts} if failure is not None else {}
        noted = tuple(judged.untried(one, signature=self.signature, tries=tries) for one in left.values())
        self._submit(
            Close(
                session_id=self.signature.session_id,
                queue_id=self.signature.queue_id,
                opened_at=self._opened_at,
                failure=failure,
                tries=noted,
                connector_version=self.signature.connector_version,
            )
        )

    def _more(self) -> More:
        return More(
            session_id=self.signature.session_id,
            queue_id=self.signature.queue_id,
            generation=self._generation,
            most=self._most - len(self.parts),
            metered=self.signature.metered,
        )

    def _submit(self, wish: Wish) -> Answer:
        ticket: Ticket[Answer] = Ticket()
        self._ledger.hand_in(wish, waiter=ticket)
        return _result(ticket)

    def _hear(self, answer: Answer, *, asked: int = 0) -> None:
        if isinstance(answer, TakenBack):
            raise Lost
        if isinstance(answer, Outdated):
            self.outdated = True
        elif isinstance(answer, tuple):
            self.came_full = 0 < asked <= len(answer)
            self._take(answer)

    def _take(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self.parts.extend(parts(claim))


def _result(ticket: Ticket[Answer]) -> Answer:
    try:
        return ticket.result()
    except TRANSIENT as error:
        raise Unwritten(str(error)) from error
