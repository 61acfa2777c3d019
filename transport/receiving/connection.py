"""One client's connection: carries bytes between a transport and a session, and envelopes to the acceptor."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from transport.envelope import Envelope
from transport.receiving import replies
from transport.receiving.encryption import HandshakeFailed, ServerTls
from transport.receiving.errors import Refused
from transport.receiving.networks import normalize
from transport.receiving.session import Session
from transport.receiving.site import Site
from transport.receiving.steps import Step
from transport.receiving.transcript import transcript_of

logger = logging.getLogger(__name__)
Accept = Callable[[Envelope], Awaitable[str]]
"""Resolves, once the message is on disk, to the text behind `250 2.6.0`; raises `Refused` to say no."""
_MAX_AHEAD_BYTES = 128 * 1024
"""How far a client may pipeline ahead of a message that waits for its commit."""


class Register(Protocol):
    """The listener, as its connections see it."""

    accept: Accept

    def site(self, local: tuple[str, int], client: str) -> Site:
        """Give the connector that serves a client on the address that it reached."""

    def admit(self, connection: "Connection") -> bytes:
        """Count a connection in; a reply that is not empty turns it away."""

    def leave(self, connection: "Connection") -> None:
        """Count it out; called exactly once for each that was counted in."""


class Connection(asyncio.Protocol):
    """Callback style on purpose: no task and no await per line or message."""

    site: Site

    def __init__(self, register: Register, *, implicit_tls: bool = False) -> None:
        self._register = register
        self._loop = asyncio.get_running_loop()
        self._opened = self._heard = self._loop.time()
        self._content_since: float | None = None
        self._content_bytes = 0
        self._closing_since: float | None = None
        self._writing_paused = self._reading_paused = False
        self._input_ended = self._lost = self._retiring = False
        self._implicit_tls = implicit_tls
        self._tls: ServerTls | None = None
        self._handshake_since: float | None = None
        self._tarpit: asyncio.TimerHandle | None = None
        self._pending: asyncio.Future[str] | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client, or turn it away with 421."""
        self._transport = cast("asyncio.Transport", transport)
        peer, local = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        self.address = normalize(peer[0]) if peer else ""
        self.site = self._register.site((normalize(local[0]), local[1]) if local else ("", 0), self.address)
        self._transcript = transcript_of(self.site, local=local, peer=peer)
        self._session = Session(self.site, client_address=self.address, transcript=self._transcript)
        if refusal := self._register.admit(self):
            self._retiring = True
            if self._implicit_tls:
                self._transport.close()
            else:
                self._apply(self._session.end(refusal))
        elif self._implicit_tls:
            self._start_tls()
        else:
            self._apply(self._session.greet())

    def data_received(self, data: bytes) -> None:
        """Let the session work on it."""
        if self._closing_since is not None:
            return
        self._heard = self._loop.time()
        if self._tls is not None:
            data = self._decrypt(self._tls, data)
        if data:
            self._apply(self._session.receive(data))
            self._measure(len(data))
        if self._tls is not None and self._tls.ended:
            self._input_ended = True
            if not self._session.busy:
                self._transport.close()

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
        return self._session.busy

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; a message that was handed over is still stored, and counts until then."""
        del exc
        self._lost = True
        if self._tarpit is not None:
            self._tarpit.cancel()
        self._session.drop()
        if self._transcript is not None:
            self._transcript.log("-", "Remote" if self._closing_since is None else "Local")
            self._transcript.log.close()
        if self._pending is None:
            self._register.leave(self)

    def check(self, now: float) -> None:
        """Close what is idle, slow or open for too long; `now` is the time of the event loop."""
        limits = self.site.limits
        if self._closing_since is not None:
            if now - self._closing_since > limits.closing_timeout.total_seconds():
                self._transport.abort()
        elif self._handshake_since is not None:
            if now - self._handshake_since > limits.handshake_timeout.total_seconds():
                self._transport.abort()
        elif now - self._opened > limits.session_timeout.total_seconds():
            self._apply(self._session.end(replies.SESSION_TOO_LONG, at_once=True))
        elif now - self._heard > limits.inactivity_timeout.total_seconds() and not self._session.busy:
            self._apply(self._session.end(replies.IDLE_TOO_LONG, at_once=True))
        elif self._is_slow(now):
            self._apply(self._session.end(replies.TOO_SLOW, at_once=True))

    def retire(self) -> None:
        """Close with 421 between two messages; one that is being received or stored is finished first."""
        self._retiring = True
        self._apply(self._session.end(replies.SHUTTING_DOWN))
        if self._closing_since is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _measure(self, size_bytes: int) -> None:
        """Know since when and how fast the content of a message comes."""
        if not self._session.in_content:
            self._content_since = None
        elif self._content_since is None:
            self._content_since, self._content_bytes = self._heard, 0
        else:
            self._content_bytes += size_bytes

    def _is_slow(self, now: float) -> bool:
        if self._content_since is None or self._writing_paused:
            return False
        lasted, limits = now - self._content_since, self.site.limits
        if lasted < limits.slow_after.total_seconds():
            return False
        return self._content_bytes < limits.min_content_rate * lasted

    def _apply(self, step: Step) -> None:
        if step.send:
            self._write(step.send)
        if step.envelope is not None:
            self._hand_over(step.envelope)
        if step.start_tls:
            self._start_tls()
        elif step.wait and self._tarpit is None:
            interval = self.site.limits.tarpit_interval.total_seconds()
            self._tarpit = self._loop.call_later(interval, self._resume)
        elif step.close:
            self._close()
        self._steer()

    def _write(self, data: bytes) -> None:
        if self._tls is None:
            self._transport.write(data)
        elif self._tls.facts is not None:
            self._tls.send(data)
            self._transport.write(self._tls.outgoing())

    def _resume(self) -> None:
        """The tarpit interval is over."""
        self._tarpit = None
        self._heard = self._loop.time()
        self._apply(self._session.resume())
        if self._input_ended and not self._session.busy:
            self._transport.close()

    def _start_tls(self) -> None:
        context = self.site.encryption()
        if context is None:
            # Implicit TLS without a certificate: there is no language to say so in.
            self._transport.abort()
            return
        self._tls, self._handshake_since = ServerTls(context), self._loop.time()

    def _decrypt(self, tls: ServerTls, data: bytes) -> bytes:
        try:
            said = tls.receive(data)
        except HandshakeFailed as error:
            logger.info("smtp_tls_failed", extra={"client": self.address, "reason": str(error)})
            if self._transcript is not None:
                self._transcript.log("*", f"TLS negotiation failed with error {error}")
            # The alert says why; after a broken record nothing more is believed.
            self._transport.write(tls.outgoing())
            self._session.drop()
            self._transport.close()
            return b""
        if outgoing := tls.outgoing():
            self._transport.write(outgoing)
        if self._handshake_since is not None and tls.facts is not None:
            self._handshake_since = None
            self._session.secured(tls.facts)
            if self._implicit_tls:
                self._apply(self._session.greet())
        return said

    def _close(self) -> None:
        """End our side, and read on what is still on its way: closing over it would destroy the reply."""
        self._closing_since = self._loop.time()
        if self._tls is not None:
            self._tls.close()
            self._transport.write(self._tls.outgoing())
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
        elif self._input_ended and not self._session.busy:
            self._transport.close()

    def _answer(self, reply: bytes) -> None:
        self._heard = self._loop.time()
        self._apply(self._session.answer(reply))

    def _steer(self) -> None:
        """Read only while there is a use for it: TCP then slows the client down."""
        ahead = self._session.busy and self._session.buffered_bytes > _MAX_AHEAD_BYTES
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
