"""One connection: bytes out, replies in, and a real deadline on everything.

A plain blocking socket, so it works the same in a thread and in a greenlet.
"""

import errno
import os
import socket
from contextlib import suppress
from time import monotonic
from typing import Self

from transport.envelope import Host
from transport.smtp.errors import HungUp, OutOfStep, TimedOut, TlsFailed, Unreachable
from transport.smtp.replies import HostReply, ReplyReader
from transport.smtp.tls import TlsFacts, TlsLayer

_READ_BYTES = 16 * 1024
_TICK_SECONDS = 30.0
"""The socket's own time-out: setting it costs a system call, so mostly the clock is asked instead."""

_BIND_ADDRESS_NO_PORT = 24
"""Of linux/in.h; `socket` names it from Python 3.12 on."""
_NOT_OURS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL}
_CLOSED = "Connection dropped: the host closed it"
_REASONS = {
    errno.ECONNREFUSED: "Connection refused",
    errno.ENETUNREACH: "Network is unreachable",
    errno.EHOSTUNREACH: "Host is unreachable",
    errno.ECONNRESET: "Connection dropped due to ConnectionReset",
    errno.EPIPE: _CLOSED,
    errno.ETIMEDOUT: "Connection timed out",
}


class Wire:
    """Every method raises a ConversationBroken and leaves closing to the caller."""

    __slots__ = ("_armed", "_ends", "_reader", "_socket", "_tls")

    def __init__(self, connected: socket.socket, *, ends: float) -> None:
        self._socket = connected
        self._ends = ends
        self._armed = -1.0
        self._reader = ReplyReader()
        self._tls: TlsLayer | None = None

    @classmethod
    def dial(cls, host: Host, *, seconds: float, ends: float, source: str = "") -> Self:
        """Connect to exactly this address; the session must be over at `ends`, by the monotonic clock.

        `source` is the address of this machine to connect from; empty leaves it to the system.
        """
        family = socket.AF_INET6 if ":" in host.address else socket.AF_INET
        dialling = socket.socket(family, socket.SOCK_STREAM)
        try:
            dialling.settimeout(max(0.001, min(seconds, ends - monotonic())))
            if source:
                _bind(dialling, source)
            dialling.connect((host.address, host.port))
            dialling.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            dialling.close()
            raise Unreachable(_reason(error, otherwise="Connection timed out")) from error
        except BaseException:
            dialling.close()
            raise
        return cls(dialling, ends=ends)

    @property
    def local_endpoint(self) -> str:
        """`ip:port` of our side."""
        address, port = self._socket.getsockname()[:2]
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    @property
    def unread(self) -> bool:
        """Whether the host said more than it was asked; only what was already read counts."""
        return self._reader.unread

    def send(self, data: bytes, *, seconds: float) -> None:
        """Send all of `data` before the deadline."""
        if self._tls is not None:
            data = self._tls.encrypt(data)
        self._transmit(data, until=self._deadline(seconds))

    def read_reply(self, *, seconds: float) -> HostReply:
        """Wait for one complete reply."""
        reply = self._reader.next()
        if reply is not None:
            return reply
        until = self._deadline(seconds)
        while reply is None:
            self._reader.feed(self._plain(self._receive(until=until)))
            reply = self._reader.next()
        return reply

    def poll(self) -> bool:
        """Take what has come without waiting; return whether there is any. Raises HungUp at the end."""
        if self._reader.unread:
            return True
        try:
            self._arm(0.0)
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError as error:
            raise HungUp(_reason(error)) from error
        if not data:
            raise HungUp(_CLOSED)
        self._reader.feed(self._plain(data))
        return self._reader.unread

    def start_tls(self, layer: TlsLayer, *, seconds: float) -> TlsFacts:
        """Shake hands; what was read before it counts for nothing and is an error (RFC 3207 section 4.2)."""
        if self._reader.unread:
            raise OutOfStep("the host sent more than its answer to STARTTLS")
        until = self._deadline(seconds)
        received = b""
        while not self._shake_hands(layer, received, until=until):
            received = self._receive(until=until)
        self._tls = layer
        return layer.facts

    def say_goodbye(self, *, seconds: float) -> None:
        """End TLS politely."""
        if self._tls is not None:
            self._transmit(self._tls.say_goodbye(), until=self._deadline(seconds))

    def close(self) -> None:
        """Close at once; may be called again."""
        self._socket.close()

    def _shake_hands(self, layer: TlsLayer, received: bytes, *, until: float) -> bool:
        try:
            done = layer.shake_hands(received)
        except TlsFailed:
            # The alert tells the host what we do not like; what matters is the failure.
            with suppress(HungUp, TimedOut):
                self._transmit(layer.take_outgoing(), until=until)
            raise
        self._transmit(layer.take_outgoing(), until=until)
        return done

    def _plain(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        plain = self._tls.decrypt(data)
        answer = self._tls.take_outgoing()
        if answer:
            self._transmit(answer, until=self._deadline(_TICK_SECONDS))
        return plain

    def _receive(self, *, until: float) -> bytes:
        while True:
            self._arm(self._patience(until))
            try:
                data = self._socket.recv(_READ_BYTES)
            except OSError as error:
                if _is_tick(error):
                    continue
                raise HungUp(_reason(error)) from error
            if not data:
                raise HungUp(_CLOSED)
            return data

    def _transmit(self, data: bytes, *, until: float) -> None:
        rest = memoryview(data)
        while rest:
            self._arm(self._patience(until))
            try:
                sent = self._socket.send(rest)
            except OSError as error:
                if _is_tick(error):
                    continue
                raise HungUp(_reason(error)) from error
            rest = rest[sent:]

    def _deadline(self, seconds: float) -> float:
        return min(monotonic() + seconds, self._ends)

    def _patience(self, until: float) -> float:
        """Return the next time-out for the socket; raises TimedOut when the deadline has passed."""
        remaining = until - monotonic()
        if remaining <= 0:
            if until >= self._ends:
                raise TimedOut("Timed out: the session took longer than it may")
            raise TimedOut("Timed out: the host did not answer in time")
        return min(remaining, _TICK_SECONDS)

    def _arm(self, seconds: float) -> None:
        if seconds != self._armed:
            self._socket.settimeout(seconds)
            self._armed = seconds


def _bind(dialling: socket.socket, source: str) -> None:
    """Leave from this address, by a port that is free for the connection only (IP_BIND_ADDRESS_NO_PORT)."""
    with suppress(OSError):
        dialling.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
    try:
        dialling.bind((source, 0))
    except OSError as error:
        why = "is not an address of this machine" if error.errno in _NOT_OURS else "cannot be used"
        raise Unreachable(
            f"Cannot connect from SourceIPAddress {source}: it {why}. Correct the send connector"
        ) from error


def _is_tick(error: OSError) -> bool:
    """Whether the socket's own time-out passed; the kernel's ETIMEDOUT has a number and is final."""
    return isinstance(error, TimeoutError) and error.errno is None


def _reason(error: OSError, *, otherwise: str = "Connection dropped") -> str:
    """Return a sentence for the administrator, never the raw text of the system."""
    if error.errno is None:
        return otherwise
    return _REASONS.get(error.errno) or f"{otherwise}: {os.strerror(error.errno)}"
