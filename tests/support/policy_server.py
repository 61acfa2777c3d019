"""A policy host on loopback that answers HTTPS as it is told, and counts who asked for what."""

import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 20
ENFORCE = b"version: STSv1\r\nmode: enforce\r\nmx: mx.fabrikam.test\r\nmax_age: 86400\r\n"


def answer(
    body: bytes = ENFORCE, *, status: str = "200 OK", kind: str = "text/plain", extra: str = ""
) -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class PolicyServer:
    """Use as a context manager. `answer` is what every request gets; change it at will.

    `seconds_per_byte` makes it crawl; `abrupt` leaves out the alert that ends TLS.
    """

    def __init__(self, context: ssl.SSLContext, *, answer: bytes, address: str = "127.0.0.1") -> None:
        self.context = context
        self.answer = answer
        self.seconds_per_byte = 0.0
        self.abrupt = False
        self.requests: list[str] = []
        self.connections = 0
        self._stopping = threading.Event()
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _start(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(OSError), connection:
            encrypted = self.context.wrap_socket(connection, server_side=True)
            with encrypted:
                self.requests.append(encrypted.recv(65536).decode())
                self._say(encrypted)
                if not self.abrupt:
                    encrypted.unwrap()

    def _say(self, encrypted: ssl.SSLSocket) -> None:
        if not self.seconds_per_byte:
            encrypted.sendall(self.answer)
            return
        for at in range(len(self.answer)):
            encrypted.sendall(self.answer[at : at + 1])
            if self._stopping.wait(self.seconds_per_byte):
                return
