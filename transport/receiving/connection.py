"""One client's connection: carries bytes between a transport and a session, and envelopes to the acceptor."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from transport.envelope import Envelope
from transport.receiving import replies
from transport.receiving.errors import Refused
from transport.receiving.limits import Limits
from transport.receiving.networks import normalize
from transport.receiving.session import Session, Step
from transport.receiving.site import Site

logger = logging.getLogger(__name__)
Accept = Callable[[Envelope], Awaitable[str]]
"""Resolves, once the message is on disk, to the text behind `250 2.6.0`; raises `Refused` to say no."""
_MAX_AHEAD_BYTES = 128 * 1024
"""How far a client may pipeline ahead of a message that waits for its commit."""


class Register(Protocol):
    """The listener, as its connections see it."""

    site: Site
    accept: Accept

    def admit(self, connection: "Connection") -> bytes:
        """Count a connection in; a reply that is not empty turns it away."""

    def leave(self, connection: "Connection") -> None:
        """Count it out; called exactly once for each that was counted in."""


class Connection(asyncio.Protocol):
    """Callback style on purpose: no task and no await per line or message."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._loop = asyncio.get_running_loop()
        self._opened = self._heard = self._loop.time()
        self._closing_since: float | None = None
        self._writing_paused = self._reading_paused = False
        self._input_ended = self._lost = self._retiring = False
        self._pending: asyncio.Future[str] | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client, or turn it away with 421."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = normalize(peer[0]) if peer else ""
        self._session = Session(self._register.site, client_address=self.address)
        if refusal := self._register.admit(self):
            self._retiring = True
            self._apply(self._session.end(refusal))
        else:
            self._apply(self._session.greet())

    def data_received(self, data: bytes) -> None:
        """Let the session work on it."""
        self._heard = self._loop.time()
        self._apply(self._session.receive(data))

    def pause_writing(self) -> None:
        """The client does not read its replies: take no more from it."""
        self._writing_paused = True
        self._steer()

    def resume_writing(self) -> None:
        """The client caught up."""
        self._writing_paused = False
        self._steer()

    def eof_received(self) -> bool:
        """The client sends no more; stay open as long as it waits for an answer."""
        self._input_ended = True
        return self._session.accepting

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; a message that was handed over is still stored, and counts until then."""
        del exc
        self._lost = True
        self._session.drop()
        if self._pending is None:
            self._register.leave(self)

    def check(self, now: float, *, limits: Limits) -> None:
        """Close what is idle or open for too long; `now` is the time of the event loop."""
        if self._closing_since is not None:
            if now - self._closing_since > limits.closing_timeout.total_seconds():
                self._transport.abort()
        elif now - self._opened > limits.session_timeout.total_seconds():
            self._apply(self._session.end(replies.SESSION_TOO_LONG, at_once=True))
        elif now - self._heard > limits.inactivity_timeout.total_seconds() and not self._session.accepting:
            self._apply(self._session.end(replies.IDLE_TOO_LONG, at_once=True))

    def retire(self) -> None:
        """Close with 421 between two messages; one that is being received or stored is finished first."""
        self._retiring = True
        self._apply(self._session.end(replies.SHUTTING_DOWN))
        if self._closing_since is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _apply(self, step: Step) -> None:
        if step.send:
            self._transport.write(step.send)
        if step.envelope is not None:
            self._hand_over(step.envelope)
        if step.close:
            self._close()
        self._steer()

    def _close(self) -> None:
        """End our side, and read on what is still on its way: closing over it would destroy the reply."""
        self._closing_since = self._loop.time()
        if self._retiring or not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:
            # The client has reset the connection, and the event loop does not know it yet.
            self._transport.abort()

    def _hand_over(self, envelope: Envelope) -> None:
        try:
            self._pending = asyncio.ensure_future(self._register.accept(envelope))
        except Exception as error:  # noqa: BLE001 - becomes the answer, and is logged there
            self._pending = self._loop.create_future()
            self._pending.set_exception(error)
        self._pending.add_done_callback(self._settle)

    def _settle(self, pending: "asyncio.Future[str]") -> None:
        self._pending = None
        self._answer(_verdict(pending, client=self.address))
        if self._lost:
            self._register.leave(self)
        elif self._input_ended and not self._session.accepting:
            self._transport.close()

    def _answer(self, reply: bytes) -> None:
        self._heard = self._loop.time()
        self._apply(self._session.answer(reply))

    def _steer(self) -> None:
        """Read only while there is a use for it: TCP then slows the client down."""
        ahead = self._session.accepting and self._session.buffered_bytes > _MAX_AHEAD_BYTES
        pause = self._writing_paused or ahead
        if pause is not self._reading_paused and not self._transport.is_closing():
            self._reading_paused = pause
            if pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()


def _verdict(pending: "asyncio.Future[str]", *, client: str) -> bytes:
    """Return the reply to the final dot."""
    if pending.cancelled():
        return replies.LOCAL_ERROR
    error = pending.exception()
    if error is None:
        return replies.compose(250, "2.6.0", pending.result())
    if isinstance(error, Refused):
        return replies.refusal(error)
    logger.error("smtp_accept_failed", extra={"client": client}, exc_info=error)
    return replies.LOCAL_ERROR
