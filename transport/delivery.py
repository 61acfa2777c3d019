"""One attempt: open a session, find hosts, connect, let message after message be carried, close.

One call is one Celery task. Nothing here decides what a reply means (`verdicts`), when to try again
(`retries`) or where mail goes (`routing`).
"""

import contextlib
import logging
import time
from collections.abc import Iterator

from connectors.profiles import DeliveryProfile
from transport import destinations, dialling, judged, verdicts
from transport.carrying import Carrier, refused
from transport.engine import Engine
from transport.envelope import Reply
from transport.holdings import Lost, Unwritten
from transport.protocol_log import SessionLog
from transport.queue.claims import Opened
from transport.queue.outcome import Try
from transport.smtp.client import Client
from transport.smtp.errors import SessionFailed
from transport.turn import Crowded
from transport.wishes import Connected, Open, Work

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
        self.carrier = Carrier(work, engine=engine)
        self.holdings = self.carrier.holdings
        self.tries = self.carrier.tries
        self.began = time.monotonic()
        self.connections = 0
        self.log = self._protocol_log()
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
            counts = failure is not None and (failure.refuses_login or not self.carrier.worked)
            self.holdings.close(failure if counts else None, tries=self.tries)
            successor = self.carrier.turn.end()
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
                if last is None and not self.carrier.set_aside:
                    return None
                if last is not None and last.refuses_login:
                    # The next host would count one more bad login.
                    break
        except destinations.DestinationFailed as failed:
            return self._no_destination(failed.reply)
        except Crowded:
            return None
        self._return_set_aside()
        if not self.holdings.has_mail():
            return None
        return last or (self.tries[-1].reply if self.tries else None)

    def _targets(self) -> Iterator[dialling.Target]:
        found = dialling.targets(
            self.opened,
            self.profile,
            own_listeners=self.engine.own_listeners,
            not_found=lambda reply: self.tries.append(Try(reply=reply, outcome="deferred")),
            exchangers=self.carrier.turn.make_room,
        )
        return self.engine.hosts.order(found, name=lambda target: target.name)

    def _no_destination(self, reply: Reply) -> Reply | None:
        """A domain that cannot take mail ends the messages; anything else makes the queue wait."""
        if not isinstance(verdicts.judge(reply), verdicts.Failed):
            self.tries.append(Try(reply=reply, outcome="deferred"))
            return reply
        while self.holdings.parts:
            part = self.holdings.parts.popleft()
            self.carrier.settle(part, [(address, reply) for address in part.transaction.recipients])
            self.holdings.catch_up()
        return None

    def _recall(self) -> None:
        """What the last host could not take is offered to the next one."""
        self.holdings.parts.extend(part for part, _ in self.carrier.set_aside)
        self.carrier.set_aside.clear()

    def _return_set_aside(self) -> None:
        """No host is left: what the last one could not take goes back with its reason."""
        while self.carrier.set_aside:
            part, result = self.carrier.set_aside.popleft()
            self.carrier.settle(part, result.replies)
            self.holdings.catch_up()

    def _use_host(self, target: dialling.Target) -> Reply | None:
        """Connect as often as the claims need; None when they are done, else why this host is no use now."""
        while self.holdings.has_mail() and not self.carrier.is_over:
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
                self.tries.append(refused(failed.reply, client=client))
                return failed.reply
            self.engine.hosts.note_success(target.name)
            self.engine.ledger.submit(Connected(session_id=self.opened.session_id))
            self.engine.attendance.note_connected(self.opened.queue_id)
            self._call_helpers()
            try:
                refusal = self.carrier.carry(client, target=target)
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
