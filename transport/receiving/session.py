"""One SMTP session as the server sees it, without a socket: bytes in, replies and envelopes out.

A small machine that cuts the input into command lines and content (RFC 5321 sections 2.3.8 and 4.1.1.4); what
the commands mean is the business of `dialogue`.
"""

from transport.envelope import Envelope
from transport.receiving import replies
from transport.receiving.answers import Answer, Then
from transport.receiving.content import END_OF_CONTENT, find_end, too_large, unstuff, verify
from transport.receiving.dialogue import Dialogue
from transport.receiving.errors import Refused
from transport.receiving.peer import TlsFacts
from transport.receiving.site import Site
from transport.receiving.steps import PHASE_AFTER, Phase, Step
from transport.receiving.transcript import Transcript

_CR = 13


class Session:
    """The server side of one connection.

    The driver passes what it read to `receive`, and after each `Step` with an envelope calls `answer` once.
    How the input is split makes no difference to what comes out.
    """

    def __init__(self, site: Site, *, client_address: str, transcript: Transcript | None = None) -> None:
        self._site = site
        self._transcript = transcript
        self._limits = site.limits
        self._dialogue = Dialogue(site, client_address=client_address)
        self._phase = Phase.COMMAND
        self._buffer = bytearray()
        self._searched_bytes = 0
        """How much of the content was searched for its end."""
        self._chunk_bytes = 0
        self._content_refusal = b""
        self._accepting_bytes = 0
        self._held_bytes = 0
        self._errors = 0
        self._held_reply = b""
        self._after_waiting = Phase.COMMAND
        self._ending = b""
        self._replies: list[bytes] = transcript.replies if transcript else []
        self._envelope: Envelope | None = None

    @property
    def accepting(self) -> bool:
        """Return whether a message was handed over and not answered yet."""
        return self._phase is Phase.ACCEPTING

    @property
    def busy(self) -> bool:
        """Return whether the client waits for us and not we for the client."""
        return self._phase in (Phase.ACCEPTING, Phase.WAITING)

    @property
    def in_content(self) -> bool:
        """Return whether a message is on its way in."""
        return self._phase in (Phase.CONTENT, Phase.REFUSED_CONTENT)

    @property
    def buffered_bytes(self) -> int:
        """Return how much was received and not worked off."""
        return len(self._buffer)

    def greet(self) -> Step:
        """Open the session."""
        banner = self._site.banner or f"220 {self._site.fqdn} ESMTP MAIL service ready"
        self._replies.append(f"{banner}\r\n".encode("ascii", "replace"))
        return self._step()

    def secured(self, facts: TlsFacts) -> None:
        """TLS is on: what came before it is forgotten."""
        self._buffer.clear()
        self._dialogue.secured(facts)
        if self._transcript is not None:
            self._transcript.secured(facts)
        self._phase = Phase.COMMAND

    def receive(self, data: bytes) -> Step:
        """Take the next bytes of the client."""
        if self._phase is Phase.CLOSED:
            return Step()
        self._buffer += data
        while self._advance():
            pass
        return self._step()

    def answer(self, reply: bytes) -> Step:
        """Give the verdict on the envelope that was handed over, then go on with what was pipelined."""
        self._accepting_bytes = 0
        if self._phase is Phase.CLOSED:
            self._hold()
            return Step()
        self._replies.append(reply)
        self._phase = Phase.COMMAND
        return self.receive(b"")

    def resume(self) -> Step:
        """Say what was held back, and go on."""
        if self._phase is not Phase.WAITING:
            return Step()
        self._release()
        return self.receive(b"")

    def end(self, reply: bytes, *, at_once: bool = False) -> Step:
        """Close with `reply` (a 421): between two commands, or `at_once` even in the middle of content.

        A message that was handed over always gets its own answer first.
        """
        if self._phase is Phase.CLOSED:
            return Step()
        if self._phase is Phase.HANDSHAKE:
            self.drop()
            return Step(close=True)
        self._ending = reply
        if self._phase is Phase.ACCEPTING or (self.in_content and not at_once):
            return Step()
        if self._phase is Phase.WAITING:
            self._release()
        self._close(reply)
        return self._step()

    def drop(self) -> None:
        """Forget everything: the connection is gone. An envelope handed over still counts as held."""
        self._phase = Phase.CLOSED
        self._buffer.clear()
        self._dialogue.reset()
        self._hold()

    def _advance(self) -> bool:
        """Do one thing with the buffer; return False when it needs more bytes or an answer."""
        phase = self._phase
        if phase is Phase.COMMAND:
            return self._read_command()
        if phase is Phase.CONTENT or phase is Phase.REFUSED_CONTENT:
            return self._read_content()
        if phase is Phase.BAD_LINE:
            return self._skip_line()
        if phase is Phase.CHUNK:
            return self._skip_chunk()
        return False

    def _read_command(self) -> bool:
        if self._ending:
            self._close(self._ending)
            return False
        buffer, longest_bytes = self._buffer, self._limits.max_parameter_command_bytes
        end = buffer.find(b"\n", 0, longest_bytes)
        if end < 0 and len(buffer) < longest_bytes:
            return False
        if end < 1 or buffer[end - 1] != _CR:
            self._phase = Phase.BAD_LINE
            self._fault(replies.LINE_TOO_LONG if end < 0 else replies.BARE_LINE_FEED)
            del buffer[: end + 1]
            return True
        line = bytes(buffer[: end - 1])
        del buffer[: end + 1]
        self._execute(line)
        return True

    def _skip_line(self) -> bool:
        """Drop up to CRLF: what follows a bare LF could be a command smuggled into an argument."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            del self._buffer[: len(self._buffer) - self._buffer.endswith(b"\r")]
            return False
        del self._buffer[: end + 2]
        self._phase = Phase.COMMAND
        return True

    def _skip_chunk(self) -> bool:
        skipped_bytes = min(self._chunk_bytes, len(self._buffer))
        del self._buffer[:skipped_bytes]
        self._chunk_bytes -= skipped_bytes
        if self._chunk_bytes:
            return False
        self._phase = Phase.COMMAND
        return True

    def _execute(self, line: bytes) -> None:
        if self._transcript is not None:
            self._transcript.heard(line, in_logon=self._dialogue.in_logon)
        answer = self._dialogue.execute(line)
        if answer.then is Then.HANDSHAKE and self._buffer:
            # Said in clear by whoever stands between, to be taken for said under TLS (CVE-2011-0411).
            answer = Answer(replies.INPUT_BEFORE_TLS, then=Then.NOTHING)
        self._phase = PHASE_AFTER[answer.then]
        self._chunk_bytes = answer.chunk_bytes
        if answer.fault:
            self._fault(answer.reply)
        else:
            self._say(answer.reply)
        if self._phase is Phase.CONTENT:
            # The CRLF of DATA is half of the end of an empty message, and a dot after it is a stuffed one.
            self._buffer[:0] = b"\r\n"
            self._searched_bytes = 0
        elif self._phase is Phase.CLOSED:
            self._buffer.clear()

    def _fault(self, reply: bytes) -> None:
        """Answer a protocol error; too many of them end the session."""
        self._errors += 1
        most = self._limits.max_errors
        if most is not None and self._errors > most:
            self._close(replies.TOO_MANY_ERRORS)
        else:
            self._say(reply)

    def _say(self, reply: bytes) -> None:
        """Answer, a refusal only after the tarpit interval: it makes guessing slow."""
        if self._limits.tarpit_interval and reply.startswith(b"5") and not self._dialogue.is_trusted():
            self._held_reply, self._after_waiting, self._phase = reply, self._phase, Phase.WAITING
        else:
            self._replies.append(reply)

    def _release(self) -> None:
        self._replies.append(self._held_reply)
        self._phase, self._held_reply = self._after_waiting, b""

    def _read_content(self) -> bool:
        buffer = self._buffer
        end = find_end(buffer, searched_bytes=self._searched_bytes)
        if end < 0:
            self._searched_bytes = len(buffer)
            self._bound_content()
            return False
        raw = b""
        if not self._content_refusal:
            # A slice of the buffer would be one more copy of a large message.
            with memoryview(buffer) as whole, whole[: end + 2] as content:
                raw = bytes(content)
        del buffer[: end + len(END_OF_CONTENT)]
        if self._content_refusal:
            self._refuse_content(self._content_refusal)
        else:
            self._finish_content(raw)
        return True

    def _bound_content(self) -> None:
        """Stop keeping content that will be refused, but go on looking for its end."""
        # Dot-stuffing makes three octets (dot, CR, LF) into four at most; the exact size is known at the end.
        if len(self._buffer) > self._limits.max_message_bytes // 3 * 4 + 8:
            self._content_refusal = self._content_refusal or replies.refusal(too_large(self._limits))
        elif self._site.memory.short:
            self._content_refusal = self._content_refusal or replies.NO_RESOURCES
        if self._content_refusal:
            self._phase = Phase.REFUSED_CONTENT
            del self._buffer[: 1 - len(END_OF_CONTENT)]
            self._searched_bytes = 0

    def _refuse_content(self, reply: bytes) -> None:
        self._content_refusal = b""
        self._dialogue.reset()
        self._replies.append(reply)
        self._phase = Phase.COMMAND

    def _finish_content(self, raw: bytes) -> None:
        content = unstuff(raw)
        try:
            verify(content, limits=self._limits)
            self._envelope = self._dialogue.envelope(content)
        except Refused as refused:
            self._refuse_content(replies.refusal(refused))
            return
        if self._transcript is not None:
            self._envelope = self._transcript.signed(self._envelope)
        self._accepting_bytes = len(content)
        self._phase = Phase.ACCEPTING

    def _close(self, reply: bytes) -> None:
        self._replies.append(reply)
        self._phase = Phase.CLOSED
        self._buffer.clear()
        self._dialogue.reset()

    def _step(self) -> Step:
        phase, said = self._phase, b"".join(self._replies)
        if phase is Phase.COMMAND or phase is Phase.CONTENT:
            step = Step(said)
        else:
            step = Step(
                said,
                self._envelope,
                start_tls=phase is Phase.HANDSHAKE,
                wait=phase is Phase.WAITING,
                close=phase is Phase.CLOSED,
            )
        self._replies.clear()
        self._envelope = None
        self._hold()
        return step

    def _hold(self) -> None:
        held_bytes = len(self._buffer) + self._accepting_bytes
        self._site.memory.held_bytes += held_bytes - self._held_bytes
        self._held_bytes = held_bytes
