"""One attempt: open a session, find hosts, connect, carry message after message, write down what happened.

One call is one Celery task. Nothing here decides what a reply means (`verdicts`), when to try again
(`retries`) or where mail goes (`routing`).
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence

from connectors.profiles import DeliveryProfile
from transport import destinations, dialling, judged, verdicts
from transport.engine import Engine
from transport.envelope import Reply, Transaction, TransactionResult
from transport.holdings import Holdings, Lost, Unwritten
from transport.in_hand import Holding
from transport.outcomes import Connected, Open, Work
from transport.parts import Part
from transport.protocol_log import SessionLog
from transport.queue.claims import Opened
from transport.queue.records import Try
from transport.smtp.client import Client
from transport.smtp.errors import SessionFailed
from transport.turn import Crowded, Turn

logger = logging.getLogger(__name__)


def deliver(queue_id: int, *, engine: Engine, at_once: bool = False) -> int:
    """Run one session to a queue; returns how many messages it settled.

    `at_once`: for mail that has just come. It passes by the sessions that are called for older mail.
    """
    wish = Open(queue_id=queue_id, worker=engine.worker, limits=engine.limits(), throttles=engine.throttles)
    with contextlib.nullcontext() if at_once else engine.opening:
        work = engine.ledger.submit(wish).result()
    if not isinstance(work, Work):
        return 0
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
        self.turn = Turn(work.opened, engine=engine)
        self.helpers = work.opened.helpers
        """Sessions to call for, once it is clear that the next hop can be reached."""

    def run(self) -> int:
        """Carry what can be carried, then close; a failure is one of the next hop as a whole."""
        failure: Reply | None = None
        self.engine.open_sessions.add(self.opened.session_id)
        self.engine.attendance.arrive(self.opened.queue_id)
        if self.engine.attendance.is_connected(self.opened.queue_id):
            self._call_helpers()
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
        except Crowded:
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
            exchangers=self.turn.make_room,
        )
        return self.engine.hosts.order(found, name=lambda target: target.name)

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
            self.engine.attendance.note_connected(self.opened.queue_id)
            self._call_helpers()
            try:
                refusal = self._carry(client, target=target)
            finally:
                client.quit()
            if refusal is not None:
                return refusal
        return None

    def _call_helpers(self) -> None:
        """Hosts that cannot be reached get no more than one session each, however much waits for them."""
        helpers, self.helpers = self.helpers, 0
        if helpers:
            self.engine.call_help(self.opened.queue_id, sessions=helpers)

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


def _refused(reply: Reply, *, client: Client) -> Try:
    """The record of a host that is no use now."""
    tls, policy = dialling.tls_line(client), client.tls_source
    return Try(reply=reply, outcome="deferred", tls=tls, tls_policy=policy)
