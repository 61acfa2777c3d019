"""One open session with one host: what is said, what is heard, and the reply that stands for a broken one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from transport.envelope import Host, Reply, Stage
from transport.smtp.errors import ConversationBroken, HostClosing, HungUp, OutOfStep, SessionFailed
from transport.smtp.extensions import Extensions
from transport.smtp.replies import HostReply
from transport.smtp.wire import Wire


class Log(Protocol):
    """Takes an event, one of `+ - > < *`, and a line without secrets and content (protocol log)."""

    def __call__(self, event: str, text: str, data: str = "", /) -> None:
        """Note it; `data` is what the text of a `*` is about."""


SERVICE_CLOSING = 421
_TELLING_BYTES = 6


@dataclass(kw_only=True, slots=True, eq=False)
class Session:
    """A connection and what is known about the host at its end."""

    host: Host
    wire: Wire
    seconds: Mapping[Stage, float]
    """How long to wait for a reply, by stage."""
    block_seconds: float
    log: Log | None = None
    extensions: Extensions = field(default_factory=Extensions)
    needs_reset: bool = False
    """A transaction was begun and not finished."""
    open: bool = True
    _secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def ask(self, command: bytes, *, stage: Stage, shown: str = "") -> HostReply:
        """Send one command and wait for its reply. Raises SessionFailed when none comes.

        `shown` is what the protocol log gets in place of a command that holds a secret.
        """
        try:
            if self.wire.unread:
                raise OutOfStep("the host talks without being asked")
            self._log(">", shown or command.decode().rstrip())
            self.wire.send(command, seconds=self.seconds[stage])
            return self.hear(stage)
        except ConversationBroken as error:
            raise SessionFailed(self.broken(error, stage=stage)) from error

    def say(self, commands: Sequence[bytes], *, stage: Stage) -> None:
        """Send several commands in one write."""
        self.show(commands)
        self.wire.send(b"".join(commands), seconds=self.seconds[stage])

    def show(self, commands: Sequence[bytes]) -> None:
        """Write into the protocol log what is about to be sent."""
        if self.log is not None:
            for command in commands:
                self.log(">", command.decode().rstrip())

    def hide(self, *secrets: bytes) -> None:
        """Let nothing of this be seen in what the host says from now on, at whatever stage it echoes it."""
        self._secrets += tuple(secret for secret in secrets if secret)

    def hear(self, stage: Stage) -> HostReply:
        """Wait for the next reply. Raises HostClosing for a 421 and every other ConversationBroken."""
        said = self.wire.read_reply(seconds=self.seconds[stage])
        if self._secrets:
            said = said.without(self._hidden_at(stage))
        if self.log is not None:
            for line in said.lines:
                self.log("<", line)
        if said.code == SERVICE_CLOSING:
            raise HostClosing(said)
        return said

    def _hidden_at(self, stage: Stage) -> Sequence[bytes]:
        """Short secrets are hidden where they were just sent: later they would only garble what is said."""
        if stage is Stage.AUTH:
            return self._secrets
        return [secret for secret in self._secrets if len(secret) >= _TELLING_BYTES]

    def refuse(self, said: HostReply, *, stage: Stage) -> NoReturn:
        """End the session over what the host said."""
        if said.refusal:
            raise SessionFailed(self.reply(said, stage=stage))
        error = OutOfStep(f"{said.code} is no answer here")
        raise SessionFailed(self.broken(error, stage=stage))

    def fail(self, code: int, enhanced: str, text: str, *, stage: Stage) -> NoReturn:
        """End the session over something we know ourselves."""
        self._log("*", text)
        raise SessionFailed(local_reply(self.host, code=code, enhanced=enhanced, text=text, stage=stage))

    def broken(self, error: ConversationBroken, *, stage: Stage) -> Reply:
        """Close, and return the reply that stands for it."""
        if isinstance(error, HostClosing):
            self.close(by="Remote")
            return self.reply(error.said, stage=stage)
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret.decode(errors="replace"), "*****")
        self._log("*", text)
        self.close(by="Remote" if isinstance(error, HungUp) else "Local")
        return local_reply(self.host, code=error.code, enhanced=error.enhanced, text=text, stage=stage)

    def reply(self, said: HostReply, *, stage: Stage) -> Reply:
        """Return what the host said as a reply."""
        return Reply(
            code=said.code,
            enhanced=said.enhanced,
            text=said.text,
            stage=stage,
            host=self.host.name,
            address=endpoint(self.host),
        )

    def refusal(self, code: int, enhanced: str, text: str, *, stage: Stage) -> Reply:
        """Return a reply of our own about one message or recipient; the session goes on."""
        return local_reply(self.host, code=code, enhanced=enhanced, text=text, stage=stage)

    def close(self, *, by: str = "Local") -> None:
        """Close at once; may be called again."""
        if self.open:
            self.open = False
            self.wire.close()
            self._log("-", by)

    def note(self, text: str, *, data: str = "") -> None:
        """Write a fact into the protocol log, and what it is about."""
        if self.log is not None:
            self.log("*", text, data)

    def _log(self, event: str, text: str) -> None:
        if self.log is not None:
            self.log(event, text)


def local_reply(host: Host, *, code: int, enhanced: str, text: str, stage: Stage) -> Reply:
    """Return a reply that no peer gave."""
    return Reply(
        code=code,
        enhanced=enhanced,
        text=text,
        stage=stage,
        host=host.name,
        address=endpoint(host),
        remote=False,
    )


def endpoint(host: Host) -> str:
    """Return `ip:port`, an IPv6 address in brackets."""
    return f"[{host.address}]:{host.port}" if ":" in host.address else f"{host.address}:{host.port}"
