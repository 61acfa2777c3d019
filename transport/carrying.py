"""Message after message over the connections of one session, and what each of them says about the host."""

import logging
import time
from collections import deque
from collections.abc import Sequence

from transport import dialling, judged
from transport.engine import Engine
from transport.envelope import Reply, Transaction, TransactionResult
from transport.holdings import Holdings, Lost, Unwritten
from transport.in_hand import Holding
from transport.parts import Part
from transport.queue.outcome import Try
from transport.smtp.client import Client
from transport.turn import Turn
from transport.wishes import Work

logger = logging.getLogger(__name__)
BROKEN_CONNECTIONS = 2
"""So many in a row, each ended at its first message, are the fault of the host and not of the messages."""


class Carrier:
    """Of one session, whatever hosts it uses."""

    def __init__(self, work: Work, *, engine: Engine) -> None:
        self._opened = work.opened
        self._profile = work.profile
        self._engine = engine
        self._broken = 0
        """Connections in a row that ended at their first message."""
        self.holdings = Holdings(work, ledger=engine.ledger, most=engine.limits().claim)
        self.turn = Turn(work.opened, engine=engine)
        self.worked = False
        """A host heard a message to its end."""
        self.tries: list[Try] = []
        """Hosts that failed before a message could be tried there."""
        self.set_aside: deque[tuple[Part, TransactionResult]] = deque()
        """What the host cannot take: the next one may."""

    def carry(self, client: Client, *, target: dialling.Target) -> Reply | None:
        """Send message after message; the reply by which the host wants to hear of none, else None."""
        for sent in range(self._profile.messages_per_connection):
            if not (self._has_mail() and self.turn.come()):
                return None
            part = self.holdings.parts.popleft()
            result = self._send(client, part, last=sent + 1 == self._profile.messages_per_connection)
            if result.out_of_step:
                self._engine.hosts.note_out_of_step(target.name)
            refusal = judged.host_refusal(result)
            if refusal is not None:
                self.holdings.parts.appendleft(part)
                if sent:
                    # Many hosts take only so many messages a connection: a new one may go on here.
                    return None
                self.tries.append(refused(refusal, client=client))
                return refusal
            self._take_result(part, result, client=client)
            if not result.session_open:
                return self._give_up_on(result, first=not sent, client=client)
            self.worked, self._broken = True, 0
        return None

    def _give_up_on(self, result: TransactionResult, *, first: bool, client: Client) -> Reply | None:
        """The reply that speaks for the host, when two connections in a row ended at their first message.

        One message may break a connection, and waits for that alone; a host that closes on every one of them
        (421) is not asked about all the others.
        """
        self._broken = self._broken + 1 if first else 0
        if self._broken < BROKEN_CONNECTIONS:
            return None
        reply = judged.worst(result.replies)
        self.tries.append(refused(reply, client=client))
        return reply

    def _has_mail(self) -> bool:
        """Whether there is a message to send: in hand, on its way from the ledger, or soon to come."""
        if not self.holdings.has_mail() and not self.set_aside and not self.turn.makes_way():
            self._linger()
        return bool(self.holdings.parts) and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether nothing further is to be sent: what is in hand goes back."""
        return self.turn.is_over or self._engine.stopping()

    def _linger(self) -> None:
        """Keep the connection for a moment: mail that comes now needs no new one."""
        idle = self._profile.inactivity_timeout.total_seconds()
        ends = time.monotonic() + min(self._engine.linger, idle)
        while not (self.holdings.parts or self.holdings.outdated or self._engine.stopping()):
            if not self._engine.attendance.wait(self._opened.queue_id, seconds=ends - time.monotonic()):
                return
            if self.holdings.ask() and self.holdings.came_full:
                self._engine.call_help(self._opened.queue_id)

    def _send(self, client: Client, part: Part, *, last: bool) -> TransactionResult:
        try:
            with Holding(part.claim.queued_id):
                return client.send(
                    part.transaction,
                    before_dot=self.holdings.catch_up,
                    following=self._no_more if last else self._following,
                )
        except (Lost, Unwritten):
            raise
        except Exception:
            fields = {"message_id": part.transaction.message_id, "session_id": self._opened.session_id}
            logger.error("message_broke_its_session", extra=fields)  # noqa: TRY400 - the task logs the rest
            # A message that breaks us must not hold up, try after try, those that were claimed with it.
            self.settle(part, [(address, judged.BROKEN) for address in part.transaction.recipients])
            self.worked = True
            raise

    def _following(self) -> Transaction | None:
        """The message whose envelope may travel with the content of this one."""
        if not self.holdings.parts or self.is_over or not self.turn.has_come():
            return None
        if self._wants_more():
            self.holdings.ask_ahead()
        return self.holdings.parts[0].transaction

    def _no_more(self) -> None:
        """The connection ends with this message."""

    def _take_result(self, part: Part, result: TransactionResult, *, client: Client) -> None:
        if judged.cannot_take(result):
            self.set_aside.append((part, result))
            return
        self.settle(part, result.replies, in_doubt=result.in_doubt, client=client)

    def settle(
        self,
        part: Part,
        replies: Sequence[tuple[str, Reply]],
        *,
        in_doubt: bool = False,
        client: Client | None = None,
    ) -> None:
        """Hand the outcome to the ledger, with the hosts that failed before."""
        tried = Try(
            reply=judged.worst(replies),
            outcome=judged.word_of(replies),
            tls=dialling.tls_line(client) if client else "",
            tls_policy=client.tls_source if client else "",
            in_doubt=in_doubt,
            takes_dsn=client is not None and client.extensions.dsn,
        )
        tries = (*self.tries, tried)
        self.tries.clear()
        self.holdings.settle(part, replies, tries=tries, ask=part.last and self._wants_more())

    def _wants_more(self) -> bool:
        return not self.set_aside and not self.turn.makes_way()


def refused(reply: Reply, *, client: Client) -> Try:
    """The record of a host that is no use now."""
    tls, policy = dialling.tls_line(client), client.tls_source
    return Try(reply=reply, outcome="deferred", tls=tls, tls_policy=policy)
