"""A receiving server on loopback (aiosmtpd) that keeps what it was given, with the envelope."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One transaction that ended with our 250."""

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    helo: str


class _Conversation(SMTP):
    """One connection; the controller ends those that are still open."""

    open_ones: set[asyncio.BaseTransport]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open_ones.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.open_ones.discard(self.transport)
        super().connection_lost(error)


class _Controller(Controller):
    """aiosmtpd's stops its loop over open connections, which then complain in some later test."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._open_ones: set[asyncio.BaseTransport] = set()
        super().__init__(*arguments, **options)

    def factory(self) -> SMTP:
        conversation = _Conversation(self.handler, **self.SMTP_kwargs)
        conversation.open_ones = self._open_ones
        return conversation

    def stop(self, no_assert: bool = False) -> None:  # noqa: FBT001, FBT002 - aiosmtpd's
        self.loop.call_soon_threadsafe(self._abort)
        super().stop(no_assert=no_assert)

    def _abort(self) -> None:
        for transport in self._open_ones:
            transport.abort()  # type: ignore[attr-defined]


class ReceivingServer:
    """Use as a context manager; can be stopped and started again on the same port."""

    def __init__(self, *, address: str = "127.0.0.1", port: int | None = None) -> None:
        self.address = address
        self.port = port or free_port()
        self.mails: list[Mail] = []
        self.peak_connections = 0
        self._open = 0
        self._lock = threading.Lock()
        self._controller: _Controller | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, again if need be."""
        self._controller = _Controller(
            self,
            hostname=self.address,
            port=self.port,
            server_hostname="mx.fabrikam.test",
            data_size_limit=64 * 1024 * 1024,
            enable_SMTPUTF8=True,
            ready_timeout=10,
        )
        self._controller.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        mail = Mail(
            mail_from=(envelope.mail_from or "").strip("<>"),
            recipients=tuple(envelope.rcpt_tos),
            content=bytes(envelope.original_content or b""),
            helo=session.host_name or "",
        )
        with self._lock:
            self.mails.append(mail)
        return "250 2.0.0 Taken"

    def to(self, recipient: str) -> list[Mail]:
        """What came for one recipient."""
        with self._lock:
            return [mail for mail in self.mails if recipient in mail.recipients]

    def copies(self) -> Counter[str]:
        """How many copies each recipient got."""
        with self._lock:
            return Counter(recipient for mail in self.mails for recipient in mail.recipients)
