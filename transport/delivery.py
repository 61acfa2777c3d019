"""One attempt: open a session, find hosts, connect, carry message after message, write down what happened.

One call is one Celery task. Nothing here decides what a reply means (`verdicts`), when to try again
(`retries`) or where mail goes (`routing`).
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.profiles import DeliveryProfile
from transport import destinations, dialling, judged, verdicts
from transport.commits import Committer
from transport.envelope import Reply, Transaction, TransactionResult
from transport.outcomes import Answer, Close, Connected, Open, Settle, TakenBack, Wish, Work
from transport.protocol_log import SessionLog
from transport.queue.claims import Claim, Limits, Opened, Worker
from transport.queue.records import Outcome, Try
from transport.smtp.client import Client
from transport.smtp.errors import SessionFailed

logger = logging.getLogger(__name__)
Ledger = Committer[Wish, Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """What the sessions of one worker process share."""

    ledger: Ledger
    worker: Worker
    limits: Callable[[], Limits]
    """How much may be done at once, as it is set now."""
    own_listeners: tuple[str, ...]
    """`address:port` where this server takes mail in: mail is never sent back there."""
    ring: Callable[[int], None]
    """Ask for one more session to a queue id."""
    protocol_logs: Path
    """Folder of the send protocol log."""
    open_sessions: set[int]
    """The sessions that really run here: only their leases are renewed."""
    stopping: Callable[[], bool]
    """True once the process wants to end: finish the message in hand, then stop."""


def deliver(queue_id: int, *, engine: Engine) -> int:
    """Run one session to a queue; returns how many messages it settled."""
    wish = Open(queue_id=queue_id, worker=engine.worker, limits=engine.limits())
    work = engine.ledger.submit(wish).result()
    if not isinstance(work, Work):
        return 0
    if work.opened.more_due:
        # Each session that finds company calls one more: a backlog ramps up instead of storming.
        engine.ring(queue_id)
    return Attempt(work, engine=engine).run()


class _Lost(Exception):  # noqa: N818 - says what became of the claims
    """Others send what this session holds."""


class Attempt:
    """One session from opening to closing."""

    def __init__(self, work: Work, *, engine: Engine) -> None:
        self.opened: Opened = work.opened
        self.profile: DeliveryProfile = work.profile
        self.engine = engine
        self.claims: deque[Claim] = deque(work.opened.claims)
        self.unwritten: Future[Answer] | None = None
        self.settled = self.connections = 0
        self.log = self._protocol_log()
        self.tries: list[Try] = []
        """Hosts that failed before a message could be tried there."""

    def run(self) -> int:
        """Carry what can be carried, then close; a failure is one of the next hop as a whole."""
        failure: Reply | None = None
        self.engine.open_sessions.add(self.opened.session_id)
        try:
            failure = self._use_hosts()
            self._catch_up()
        except _Lost:
            logger.warning("delivery_session_lost_its_lease", extra={"session_id": self.opened.session_id})
            self.claims.clear()
        except Exception:
            # The log gets the rest; the queue waits as after any failure, for the next try may break too.
            failure = judged.BROKEN
            raise
        finally:
            # From here on nobody renews the lease: if the close is lost, the lease runs out.
            self.engine.open_sessions.discard(self.opened.session_id)
            if self.log is not None:
                self.log.close()
            self._close(failure if not self.settled else None)
        return self.settled

    def _use_hosts(self) -> Reply | None:
        """Dial host after host until the claims are done; else the last reason why not."""
        last: Reply | None = None
        try:
            for target in self._targets():
                last = self._use_host(target)
                if last is None:
                    return None
        except destinations.DestinationFailed as failed:
            return self._no_destination(failed.reply)
        return last or (self.tries[-1].reply if self.tries else None)

    def _targets(self) -> Iterator[dialling.Target]:
        return dialling.targets(
            self.opened,
            self.profile,
            own_listeners=self.engine.own_listeners,
            not_found=lambda reply: self.tries.append(Try(reply=reply, outcome="deferred")),
        )

    def _no_destination(self, reply: Reply) -> Reply | None:
        """A domain that cannot take mail ends the messages; anything else makes the queue wait."""
        if not isinstance(verdicts.judge(reply), verdicts.Failed):
            self.tries.append(Try(reply=reply, outcome="deferred"))
            return reply
        while self.claims:
            claim = self.claims.popleft()
            self._settle(claim, [(address, reply) for _, address in claim.recipients])
            self._catch_up()
        return None

    def _use_host(self, target: dialling.Target) -> Reply | None:
        """Connect as often as the claims need; None when they are done, else why this host is no use now."""
        if self.log is not None:
            self.log.remote = f"{target.host.address}:{target.host.port}"
        while self.claims and not self.engine.stopping():
            self.connections += 1
            client = dialling.client(self.opened, self.profile, log=self.log)
            try:
                client.connect(target.host, tls_name=target.tls_name)
            except SessionFailed as failed:
                self.tries.append(Try(reply=failed.reply, outcome="deferred"))
                return failed.reply
            self.engine.ledger.submit(Connected(session_id=self.opened.session_id))
            try:
                refusal = self._carry(client)
            finally:
                client.quit()
            if refusal is not None:
                return refusal
        return None

    @property
    def smtp_session(self) -> str:
        """The number of the connection in all logs: 16 hex digits, as Exchange's."""
        return f"{self.opened.session_id:012X}{self.connections:04X}"

    def _protocol_log(self) -> SessionLog | None:
        if not self.profile.protocol_logging:
            return None
        return SessionLog(self.engine.protocol_logs, connector=self.profile.name)

    def _carry(self, client: Client) -> Reply | None:
        for sent in range(self.profile.messages_per_connection):
            if not self.claims:
                self._catch_up()
            if not self.claims or self.engine.stopping():
                return None
            claim = self.claims.popleft()
            result = self._send(client, claim)
            refusal = judged.host_refusal(result)
            if refusal is not None:
                self.claims.appendleft(claim)
                if sent:
                    # Many hosts take only so many messages a connection: a new one may go on here.
                    return None
                self.tries.append(Try(reply=refusal, outcome="deferred"))
                return refusal
            self._settle(claim, result.replies, in_doubt=result.in_doubt, tls=dialling.tls_line(client))
            if not result.session_open:
                return None
        return None

    def _send(self, client: Client, claim: Claim) -> TransactionResult:
        try:
            return client.send(self._transaction(claim), before_dot=self._catch_up)
        except _Lost:
            raise
        except Exception:
            # A message that breaks us must not hold up, try after try, those that were claimed with it.
            self._settle(claim, [(address, judged.BROKEN) for _, address in claim.recipients])
            raise

    def _transaction(self, claim: Claim) -> Transaction:
        return Transaction(
            message_id=claim.message_id,
            mail_from=claim.mail_from,
            recipients=tuple(address for _, address in claim.recipients),
            content=claim.content,
            size_bytes=claim.size_bytes,
            eight_bit=claim.eight_bit,
            smtputf8=claim.smtputf8,
            ret=claim.ret,
            envid=claim.envid,
            dsn_requests=claim.dsn_requests,
        )

    def _settle(
        self, claim: Claim, replies: Sequence[tuple[str, Reply]], *, in_doubt: bool = False, tls: str = ""
    ) -> None:
        """Hand the outcome to the ledger; `_catch_up` waits for it and takes the next claims."""
        self._catch_up()
        outcome = judged.outcome_of(claim, replies)
        deciding = judged.worst(replies)
        tries = [
            *self.tries,
            Try(reply=deciding, outcome=judged.word_for(outcome), tls=tls, in_doubt=in_doubt),
        ]
        self.tries = []
        self.settled += 1
        more = 0 if self.claims else self.engine.limits().claim
        self.unwritten = self.engine.ledger.submit(Settle(outcome=self._signed(outcome, tries), more=more))

    def _signed(self, outcome: Outcome, tries: Sequence[Try]) -> Outcome:
        return replace(
            outcome,
            session_id=self.opened.session_id,
            queue_id=self.opened.queue_id,
            queue_identity=self.opened.queue_identity,
            server_id=self.opened.server.pk,
            smtp_session=self.smtp_session,
            connector_name=self.profile.name,
            connector_version=self.profile.version,
            tries=tuple(tries),
        )

    def _catch_up(self) -> None:
        """Wait until the last outcome is on disk: until then no further final dot goes out.

        Raises `_Lost`, and then it never goes out, when the lease ran out meanwhile.
        """
        if self.unwritten is None:
            return
        answer = self.unwritten.result()
        self.unwritten = None
        if isinstance(answer, TakenBack):
            raise _Lost
        if isinstance(answer, tuple):
            self.claims.extend(answer)

    def _close(self, failure: Reply | None) -> None:
        untried = tuple(
            self._signed(judged.untried(claim), self.tries) for claim in self.claims if failure is not None
        )
        close = Close(
            session_id=self.opened.session_id,
            queue_id=self.opened.queue_id,
            opened_at=self.opened.opened_at,
            failure=failure,
            tries=untried,
        )
        self.engine.ledger.submit(close).result()
