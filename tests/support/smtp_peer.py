"""A scripted SMTP server on loopback that answers, misbehaves and remembers."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

BANNER = "BANNER"
DOT = "DOT"
PATIENCE_SECONDS = 20
_PLAIN_EHLO = ("peer.test greets you", "PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000")


class Hangup(Exception):  # noqa: N818 - the peer closes, nothing went wrong
    """The connection is over."""


class Talk:
    """One connection, seen from the peer."""

    def __init__(self, peer: "Peer", connection: socket.socket) -> None:
        self.peer = peer
        self.socket = connection
        self.buffer = b""
        self.encrypted = False
        self.handshake_error: Exception | None = None
        self.commands: list[str] = []
        """Lines as they came, without the content."""
        self.clear_commands: list[str] = []
        """Those that came before TLS."""
        self.contents: list[bytes] = []
        """What came between 354 and the final dot, dots still stuffed."""
        self.received = b""
        """Every byte, also those of a content that never ended."""
        self.over = False
        """The connection has ended."""

    def say(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Hangup from error

    def read(self) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise Hangup from error
        if not data:
            raise Hangup
        self.received += data
        self.buffer += data

    def read_line(self) -> str:
        while b"\n" not in self.buffer:
            self.read()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def read_content(self) -> bytes:
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.read()
        content, self.buffer = (b"\r\n" + self.buffer).split(b"\r\n.\r\n", 1)
        return content[2:] + b"\r\n" if content else b""

    def hang(self) -> None:
        self.peer.stopping.wait(PATIENCE_SECONDS)
        raise Hangup

    def hang_up_when_told(self) -> None:
        """Answer nothing more, and wait for the other side to go."""
        while True:
            self.read()

    def close(self) -> None:
        self.over = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


Act = str | bytes | Callable[[Talk], None]
"""A reply line, raw bytes, or what to do."""


class Peer:
    """Listens on 127.0.0.1; use as a context manager.

    `script` maps a verb (`MAIL`, `RCPT`, ...), BANNER or DOT to one act, or to several that are used one
    after the other, the last for good. `offers` are the lines after the first in the answer to EHLO.
    """

    def __init__(
        self,
        script: Mapping[str, Act | Sequence[Act]] | None = None,
        *,
        offers: Sequence[str] = _PLAIN_EHLO[1:],
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.script = {verb: _acts(acts) for verb, acts in (script or {}).items()}
        self.offers = [*offers, *(["STARTTLS"] if tls else [])]
        self.tls = tls
        self.stopping = threading.Event()
        self.talks: list[Talk] = []
        self.threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.address, self.port = self.listener.getsockname()[:2]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for talk in list(self.talks):
            talk.close()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()

    @property
    def talk(self) -> Talk:
        """The last connection."""
        return self.talks[-1]

    @property
    def contents(self) -> list[bytes]:
        """Every message that came in full, dots still stuffed."""
        return [content for talk in self.talks for content in talk.contents]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            # A refusing peer must be seen to refuse, not to reset: close only after reading.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(self, connection)
            self.talks.append(talk)
            self._start(self._serve, talk)

    def _serve(self, talk: Talk) -> None:
        try:
            self._act(talk, BANNER, "220 peer.test ESMTP")
            while True:
                line = talk.read_line()
                talk.commands.append(line)
                if not talk.encrypted:
                    talk.clear_commands.append(line)
                self._answer(talk, line)
        except Hangup:
            pass
        finally:
            talk.close()

    def _answer(self, talk: Talk, line: str) -> None:
        verb = line.split(" ", 1)[0].upper()
        if verb == "EHLO":
            self._act(talk, verb, self._ehlo(talk))
        elif verb == "STARTTLS" and self.tls:
            self._act(talk, verb, "220 go ahead")
            self._encrypt(talk)
        elif verb == "DATA":
            reply = self._act(talk, verb, "354 end with a dot")
            if reply.startswith(b"354"):
                talk.contents.append(talk.read_content())
                self._act(talk, DOT, "250 2.0.0 queued as 7")
        elif verb == "QUIT":
            self._act(talk, verb, "221 bye")
            raise Hangup
        else:
            self._act(talk, verb, "250 2.1.0 ok")

    def _ehlo(self, talk: Talk) -> bytes:
        offers = [offer for offer in self.offers if offer != "STARTTLS" or not talk.encrypted]
        lines = ["peer.test greets you", *offers]
        return b"".join(
            f"250{' ' if at == len(lines) - 1 else '-'}{line}\r\n".encode() for at, line in enumerate(lines)
        )

    def _act(self, talk: Talk, verb: str, otherwise: Act) -> bytes:
        """Answer; returns what was said, so far as it is known."""
        acts = self.script.get(verb, [otherwise])
        act = acts.pop(0) if len(acts) > 1 else acts[0]
        if callable(act):
            act(talk)
            return getattr(act, "says", b"")
        said = act.encode() + b"\r\n" if isinstance(act, str) else act
        talk.say(said)
        return said

    def _encrypt(self, talk: Talk) -> None:
        try:
            talk.socket = self.tls.wrap_socket(talk.socket, server_side=True)
        except OSError as error:
            talk.handshake_error = error
            raise Hangup from error
        talk.encrypted = True
        talk.buffer = b""


def _acts(acts: Act | Sequence[Act]) -> list[Act]:
    return [acts] if isinstance(acts, str | bytes) or callable(acts) else list(acts)


def close(_: Talk) -> None:
    """Close in an orderly way, without a word."""
    raise Hangup


def reset(talk: Talk) -> None:
    """Close with a TCP reset."""
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    talk.socket.close()
    raise Hangup


def hang(talk: Talk) -> None:
    """Say nothing and keep the connection."""
    talk.hang()


def endless(line: bytes = b"220-and on and on\r\n") -> Callable[[Talk], None]:
    """A reply that never ends."""

    def act(talk: Talk) -> None:
        while not talk.peer.stopping.is_set():
            talk.say(line * 500)

    return act


def drip(data: bytes = b"220-slow\r\n" * 1000, *, seconds: float = 0.02) -> Callable[[Talk], None]:
    """One byte per interval."""

    def act(talk: Talk) -> None:
        for at in range(len(data)):
            talk.say(data[at : at + 1])
            if talk.peer.stopping.wait(seconds):
                raise Hangup

    act.says = data
    return act


def split(data: bytes) -> Callable[[Talk], None]:
    """Byte by byte, each in a packet of its own."""
    return drip(data, seconds=0.001)


def say_and_close(data: bytes) -> Callable[[Talk], None]:
    """A last word."""

    def act(talk: Talk) -> None:
        talk.say(data)
        raise Hangup

    return act
