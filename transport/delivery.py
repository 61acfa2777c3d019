"""One attempt: open a session, find hosts, connect, carry message after message, write down what happened.

One call is one Celery task. Nothing here decides what a reply means (`verdicts`), when to try again
(`retries`) or where mail goes (`routing`).
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.profiles import DeliveryProfile
from transport import destinations, dialling, judged, verdicts
from transport.attendance import LINGER, Attendance
from transport.concurrency import Limits
from transport.envelope import Host, Reply, Transaction, TransactionResult
from transport.holdings import Holdings, Ledger, Lost, Unwritten
from transport.host_memory import HostMemory
from transport.in_hand import Holding
from transport.outcomes import Connected, Open, Work
from transport.parts import Part
from transport.protocol_log import LogFiles, SessionLog
from transport.queue.claims import Opened, Worker
from transport.queue.records import Try
from transport.sign_ins import SignIns
from transport.smtp.client import Client
from transport.smtp.errors import SessionFailed
from transport.throttles import Throttles
from transport.turn import Turn

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """What the sessions of one worker process share."""

    ledger: Ledger
    worker: Worker
    limits: Callable[[], Limits]
    """How much may be done at once, as it is set now."""
    own_listeners: tuple[str, ...]
    """`address:port` where this server takes mail in: mail is never sent back there."""
    ring: Callable[[int, int], None]
    """Ask for sessions: a queue id, and how many."""
    protocol_log: LogFiles
    """The send protocol log."""
    open_sessions: set[int]
    """The sessions that really run here: only their leases are renewed."""
    stopping: Callable[[], bool]
    """True once the process wants to end: finish the message in hand, then stop."""
    attendance: Attendance = field(default_factory=Attendance)
    hosts: HostMemory = field(default_factory=HostMemory)
    sign_ins: SignIns = field(default_factory=SignIns)
    throttles: Throttles = field(default_factory=Throttles)
    linger: float = LINGER.total_seconds()
    """Seconds for which a session that has nothing to send keeps its connection."""

    def call_help(self, queue_id: int, *, sessions: int = 1) -> None:
        """Let more sessions look after a queue: idle ones as far as there are any."""
        while sessions and self.attendance.wake(queue_id):
            sessions -= 1
        if sessions:
            self.ring(queue_id, sessions)


def deliver(queue_id: int, *, engine: Engine) -> int:
    """Run one session to a queue; returns how many messages it settled."""
    wish = Open(queue_id=queue_id, worker=engine.worker, limits=engine.limits(), throttles=engine.throttles)
    work = engine.ledger.submit(wish).result()
    if not isinstance(work, Work):
        return 0
    if work.opened.helpers:
        engine.call_help(queue_id, sessions=work.opened.helpers)
    return Attempt(work, engine=engine).run()


class Attempt:
    """One session from opening to closing."""

    def __init__(self, work: Work, *, engine: Engine) -> None:
        self.opened: Opened = work.opened
        self.profile: DeliveryProfile = work.profile
        self.engine = engine
        self.holdings = Holdings(work, ledger=engine.ledger, most=engine.limits().claim)
        self.began = time.monotonic()
        self.connections = 0
        self.log = self._protocol_log()
        self.tries: list[Try] = []
        """Hosts that failed before a message could be tried there."""
        self.set_aside: deque[tuple[Part, TransactionResult]] = deque()
        """What the host cannot take: the next one may."""
        self.turn = Turn(work.opened, throttles=engine.throttles)

    def run(self) -> int:
        """Carry what can be carried, then close; a failure is one of the next hop as a whole."""
        failure: Reply | None = None
        self.engine.open_sessions.add(self.opened.session_id)
        self.engine.attendance.arrive(self.opened.queue_id)
        try:
            failure = self._use_hosts()
            self.holdings.catch_up()
        except Lost:
            logger.warning("delivery_session_lost_its_lease", extra={"session_id": self.opened.session_id})
            self.holdings.parts.clear()
        except Unwritten as error:
            fields = {"session_id": self.opened.session_id, "reason": str(error)}
            logger.error("delivery_session_lost_the_database", extra=fields)  # noqa: TRY400 - the reason is said
            self.holdings.parts.clear()
        except Exception:
            # The log gets the rest; the queue waits as after any failure, for the next try may break too.
            failure = judged.BROKEN
            raise
        finally:
            # From here on nobody renews the lease: if the close is lost, the lease runs out.
            self.engine.open_sessions.discard(self.opened.session_id)
            if self.log is not None:
                self.log.close()
            counts = failure is not None and (failure.refuses_login or not self.holdings.settled)
            self.holdings.close(failure if counts else None, tries=self.tries)
            successor = self.turn.end()
            if successor is not None:
                self.engine.ring(successor, 1)
            if self.engine.attendance.leave(self.opened.queue_id):
                self.engine.ring(self.opened.queue_id, 1)
        return self.holdings.settled

    # The hosts

    def _use_hosts(self) -> Reply | None:
        """Dial host after host until the claims are done; else the last reason why not."""
        last: Reply | None = None
        try:
            for target in self._targets():
                self._recall()
                last = self._use_host(target)
                if last is None and not self.set_aside:
                    return None
                if last is not None and last.refuses_login:
                    # The next host would count one more bad login.
                    break
        except destinations.DestinationFailed as failed:
            return self._no_destination(failed.reply)
        except _Crowded:
            return None
        self._return_set_aside()
        if not self.holdings.parts:
            return None
        return last or (self.tries[-1].reply if self.tries else None)

    def _targets(self) -> Iterator[dialling.Target]:
        found = dialling.targets(
            self.opened,
            self.profile,
            own_listeners=self.engine.own_listeners,
            not_found=lambda reply: self.tries.append(Try(reply=reply, outcome="deferred")),
            exchangers=self._make_room,
        )
        return self.engine.hosts.order(found, name=lambda target: target.name)

    def _make_room(self, hosts: Sequence[Host]) -> None:
        """Dial nobody when other queues turn out to have as many sessions to these hosts as there may be.

        Once it is known where a queue leads, the ledger opens no such session.
        """
        engine, opened = self.engine, self.opened
        found = (f"{host.name}:{host.port}" for host in hosts)
        if engine.throttles.hosts.learn(opened.queue_id, found):
            most, together = engine.throttles.connections_to(
                opened.queue_id, connector_id=opened.connector_id, limits=engine.limits()
            )
            if engine.attendance.sessions(together) > most:
                raise _Crowded

    def _no_destination(self, reply: Reply) -> Reply | None:
        """A domain that cannot take mail ends the messages; anything else makes the queue wait."""
        if not isinstance(verdicts.judge(reply), verdicts.Failed):
            self.tries.append(Try(reply=reply, outcome="deferred"))
            return reply
        while self.holdings.parts:
            part = self.holdings.parts.popleft()
            self._settle(part, [(address, reply) for address in part.transaction.recipients])
            self.holdings.catch_up()
        return None

    def _recall(self) -> None:
        """What the last host could not take is offered to the next one."""
        self.holdings.parts.extend(part for part, _ in self.set_aside)
        self.set_aside.clear()

    def _return_set_aside(self) -> None:
        """No host is left: what the last one could not take goes back with its reason."""
        while self.set_aside:
            part, result = self.set_aside.popleft()
            self._settle(part, result.replies)
            self.holdings.catch_up()

    def _use_host(self, target: dialling.Target) -> Reply | None:
        """Connect as often as the claims need; None when they are done, else why this host is no use now."""
        while self.holdings.parts and not self._is_over():
            self.connections += 1
            number = f"{self.opened.session_id:012X}{self.connections:04X}"
            self.holdings.sign(smtp_session=number)
            if self.log is not None:
                self.log.begin(number, remote=target.name)
            client = self._client(target)
            try:
                client.connect(target.host, tls_name=target.tls_name, published=target.published)
            except SessionFailed as failed:
                self.engine.hosts.note_failure(target.name)
                self.tries.append(_refused(failed.reply, client=client))
                return failed.reply
            self.engine.hosts.note_success(target.name)
            self.engine.ledger.submit(Connected(session_id=self.opened.session_id))
            try:
                refusal = self._carry(client, target=target)
            finally:
                client.quit()
            if refusal is not None:
                return refusal
        return None

    def _client(self, target: dialling.Target) -> Client:
        keeps_step = self.engine.hosts.keeps_step(target.name)
        login = self.engine.sign_ins.login(self.profile, since=self.began)
        return dialling.client(self.opened, self.profile, login=login, log=self.log, pipelining=keeps_step)

    def _protocol_log(self) -> SessionLog | None:
        if not self.profile.protocol_logging:
            return None
        return SessionLog(self.engine.protocol_log, connector=self.profile.name)

    # The messages

    def _carry(self, client: Client, *, target: dialling.Target) -> Reply | None:
        """Send message after message; the reply by which the host wants to hear of none, else None."""
        for sent in range(self.profile.messages_per_connection):
            if not (self._has_mail() and self.turn.come()):
                return None
            part = self.holdings.parts.popleft()
            result = self._send(client, part, last=sent + 1 == self.profile.messages_per_connection)
            if result.out_of_step:
                self.engine.hosts.note_out_of_step(target.name)
            refusal = judged.host_refusal(result)
            if refusal is not None:
                self.holdings.parts.appendleft(part)
                if sent:
                    # Many hosts take only so many messages a connection: a new one may go on here.
                    return None
                self.tries.append(_refused(refusal, client=client))
                return refusal
            self._take_result(part, result, client=client)
            if not result.session_open:
                return None
        return None

    def _has_mail(self) -> bool:
        """Whether there is a message to send: in hand, on its way from the ledger, or soon to come."""
        if not self.holdings.parts:
            self.holdings.catch_up()
        if not self.holdings.parts and not self.set_aside and not self.turn.makes_way():
            self._linger()
        return bool(self.holdings.parts) and not self._is_over()

    def _is_over(self) -> bool:
        return self.turn.is_over or self.engine.stopping()

    def _linger(self) -> None:
        """Keep the connection for a moment: mail that comes now needs no new one."""
        idle = self.profile.inactivity_timeout.total_seconds()
        ends = time.monotonic() + min(self.engine.linger, idle)
        while not (self.holdings.parts or self.holdings.outdated or self.engine.stopping()):
            if not self.engine.attendance.wait(self.opened.queue_id, seconds=ends - time.monotonic()):
                return
            if self.holdings.ask() and self.holdings.came_full:
                self.engine.call_help(self.opened.queue_id)

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
            fields = {"message_id": part.transaction.message_id, "session_id": self.opened.session_id}
            logger.error("message_broke_its_session", extra=fields)  # noqa: TRY400 - the task logs the rest
            # A message that breaks us must not hold up, try after try, those that were claimed with it.
            self._settle(part, [(address, judged.BROKEN) for address in part.transaction.recipients])
            raise

    def _following(self) -> Transaction | None:
        """The message whose envelope may travel with the content of this one."""
        if not self.holdings.parts or self._is_over() or not self.turn.has_come():
            return None
        return self.holdings.parts[0].transaction

    def _no_more(self) -> None:
        """The connection ends with this message."""

    def _take_result(self, part: Part, result: TransactionResult, *, client: Client) -> None:
        if judged.cannot_take(result):
            self.set_aside.append((part, result))
            return
        self._settle(part, result.replies, in_doubt=result.in_doubt, client=client)

    def _settle(
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
        tries, self.tries = [*self.tries, tried], []
        ask = part.last and not self.set_aside and not self.turn.makes_way()
        self.holdings.settle(part, replies, tries=tries, ask=ask)


class _Crowded(Exception):  # noqa: N818 - says how it is there
    """The hosts have as many of our connections as they may have."""


def _refused(reply: Reply, *, client: Client) -> Try:
    """The record of a host that is no use now."""
    tls, policy = dialling.tls_line(client), client.tls_source
    return Try(reply=reply, outcome="deferred", tls=tls, tls_policy=policy)
