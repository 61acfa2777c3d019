"""One message over an open session: MAIL, RCPT, DATA, content, final dot, and a reply for every recipient."""

from collections.abc import Callable, Iterator, Sequence

from transport.envelope import Reply, Stage, Transaction, TransactionResult
from transport.smtp import content
from transport.smtp.errors import CannotSay, ConversationBroken, HungUp, OutOfStep, TimedOut
from transport.smtp.plans import PIPELINE_LIMIT, RESET, Step, groups, plan
from transport.smtp.replies import HostReply
from transport.smtp.session import Session

_LONE_DOT = b".\r\n"


class MailTransaction:
    """What is known so far about one message on its way to one host (RFC 5321 section 3.3)."""

    def __init__(self, session: Session, transaction: Transaction) -> None:
        self.transaction = transaction
        self.begun = False
        """Its envelope is on the wire, behind the content of the message before."""
        self._session = session
        self._steps: Sequence[Step] | None = None
        self._replies: list[Reply | None] = [None] * len(transaction.recipients)
        """None while the recipient is not refused."""
        self._stage = Stage.MAIL
        self._hopeful = 0
        """Recipients that the host accepted."""
        self._content_wanted = False
        """The host answered DATA with 354."""
        self._dot_sent = False
        self._in_doubt = False
        self._out_of_step = False

    def run(
        self, *, before_dot: Callable[[], None], following: "Callable[[], MailTransaction | None]"
    ) -> TransactionResult:
        """Hold the conversation; trouble with the host or the network becomes replies.

        `before_dot` is called right before the final dot goes out, then `following`: the envelope of the
        message that it returns travels in the same write.
        """
        try:
            self._converse(before_dot=before_dot, following=following)
        except ConversationBroken as error:
            self._give_up(error)
        except BaseException:
            # A killed greenlet, or a caller that could not record the last outcome: the host must see no dot.
            self._session.close()
            raise
        return TransactionResult(
            replies=tuple(zip(self.transaction.recipients, self._decided(), strict=True)),
            in_doubt=self._in_doubt,
            session_open=self._session.open,
            out_of_step=self._out_of_step,
        )

    def begin_behind_dot(self) -> Sequence[bytes]:
        """Return the commands that go out with the content before them; none when that cannot be.

        RFC 2920 section 3.1: the end of the content may be the first of a group. So a message costs one
        round trip.
        """
        steps = self._plan()
        if not steps or len(steps) > PIPELINE_LIMIT or not self._session.extensions.pipelining:
            return ()
        self.begun = True
        commands = [step.line for step in steps]
        self._announce()
        self._session.show(commands)
        return commands

    def _announce(self) -> None:
        number, name = self.transaction.message_id, self.transaction.internet_message_id
        self._session.note(
            f"sending message with RecordId {number} and InternetMessageId {name or '<>'}", data=str(number)
        )

    def _converse(
        self, *, before_dot: Callable[[], None], following: "Callable[[], MailTransaction | None]"
    ) -> None:
        if not self._session.open:
            reply = self._session.refusal(421, "4.4.2", "The session is closed", stage=self._stage)
            self._settle(reply)
            return
        if self.begun:
            self._hear_group(self._plan())
        elif not self._exchange_envelope():
            return
        if self._content_wanted:
            self._send_content(before_dot=before_dot, following=following)

    def _exchange_envelope(self) -> bool:
        """Return False when there was nothing to say, or the host would not hear it."""
        steps = self._plan()
        if not steps:
            return False
        self._announce()
        if self._interrupted():
            return False
        if self._session.needs_reset:
            steps = [RESET, *steps]
        for group in groups(steps, pipelining=self._session.extensions.pipelining):
            if not self._worth_saying(group):
                break
            self._session.say([step.line for step in group], stage=group[0].stage)
            self._hear_group(group)
        return True

    def _hear_group(self, group: Sequence[Step]) -> None:
        for step in group:
            self._stage = step.stage
            self._take(step, self._session.hear(step.stage))
        self._check_step()

    # What to say

    def _plan(self) -> Sequence[Step]:
        """Return MAIL, RCPT and DATA, or nothing when the message cannot go to this host."""
        if self._steps is None:
            self._steps = self._make_plan()
        return self._steps

    def _make_plan(self) -> Sequence[Step]:
        try:
            planned = plan(self.transaction, offered=self._session.extensions)
        except CannotSay as error:
            self._settle(self._cannot_say(error, stage=Stage.MAIL))
            return ()
        for index, reason in planned.refused.items():
            self._replies[index] = self._cannot_say(reason, stage=Stage.RCPT)
        return planned.steps

    def _cannot_say(self, error: CannotSay, *, stage: Stage) -> Reply:
        return self._session.refusal(error.code, error.enhanced, str(error), stage=stage)

    def _worth_saying(self, group: Sequence[Step]) -> bool:
        """Whether anybody could still get the message; in a group of its own, DATA needs a recipient."""
        if group[0].stage is Stage.DATA:
            return self._hopeful > 0
        return None in self._replies

    # What the host answers

    def _take(self, step: Step, said: HostReply) -> None:
        if step is RESET:
            self._session.needs_reset = False
        elif step.stage is Stage.MAIL:
            self._take_mail(said)
        elif step.stage is Stage.RCPT:
            self._take_rcpt(step.recipient, said)
        else:
            self._take_data(said)

    def _check_step(self) -> None:
        """Refuse what nobody asked for; after 354 it may be a refusal that `_interrupted` will hear."""
        if self._session.wire.unread and not (self._content_wanted and self._hopeful):
            raise OutOfStep("the host gave more replies than it got commands")

    def _take_mail(self, said: HostReply) -> None:
        if said.refusal:
            self._settle(self._session.reply(said, stage=Stage.MAIL))
        elif said.positive:
            self._session.needs_reset = True
        else:
            raise OutOfStep(f"{said.code} is no answer to MAIL")

    def _take_rcpt(self, recipient: int, said: HostReply) -> None:
        if said.intermediate:
            raise OutOfStep(f"{said.code} is no answer to RCPT")
        if self._replies[recipient] is not None:
            return
        if said.refusal:
            self._replies[recipient] = self._session.reply(said, stage=Stage.RCPT)
        else:
            self._hopeful += 1

    def _take_data(self, said: HostReply) -> None:
        if said.positive:
            # 2yz before any content: this is the answer to something else, and nothing was delivered.
            raise OutOfStep(f"{said.code} is no answer to DATA")
        if said.refusal:
            self._settle(self._session.reply(said, stage=Stage.DATA))
        else:
            self._content_wanted = True

    # The content

    def _send_content(
        self, *, before_dot: Callable[[], None], following: "Callable[[], MailTransaction | None]"
    ) -> None:
        if not self._hopeful:
            self._send_lone_dot()
            return
        blocks = content.blocks(self.transaction.content)
        block = next(blocks)
        for later in blocks:
            if not self._send_block(block):
                return
            block = later
        before_dot()
        if self._interrupted():
            return
        follower = following()
        behind = follower.begin_behind_dot() if follower is not None else ()
        if not self._send_end(block, behind=behind):
            return
        self._dot_sent = True
        self._stage = Stage.DOT
        self._take_verdict(self._session.hear(Stage.DOT), more_to_come=bool(behind))

    def _send_end(self, block: bytes, *, behind: Sequence[bytes]) -> bool:
        """Send the last block; False when it did not go out whole because the host refused the message."""
        try:
            self._write(b"".join((block, *behind)))
        except ConversationBroken as error:
            if behind:
                # The dot is not the last of these bytes: it may have gone out.
                self._dot_sent = True
                self._stage = Stage.DOT
            elif isinstance(error, HungUp) and self._interrupted():
                return False
            raise
        return True

    def _send_lone_dot(self) -> None:
        """End an empty message for nobody (RFC 2920 section 3.1)."""
        self._session.say([_LONE_DOT], stage=Stage.DATA)
        self._session.hear(Stage.DOT)
        self._session.needs_reset = False

    def _send_block(self, block: bytes) -> bool:
        """Return False when the host refused the message before it had all of it."""
        if self._interrupted():
            return False
        try:
            self._write(block)
        except HungUp:
            # A host that closes in the middle may have said why.
            if self._interrupted():
                return False
            raise
        return True

    def _write(self, block: bytes) -> None:
        self._session.wire.send(block, seconds=self._session.block_seconds)

    def _interrupted(self) -> bool:
        """Listen for what the host says unasked; True when that was a refusal, which then ends the session.

        A 2yz or 3yz here answers nothing that we sent: whatever it was meant for, it must not be taken for
        the answer to the final dot.
        """
        if not self._session.wire.poll():
            return False
        said = self._session.hear(self._stage)
        if not said.refusal or (self._stage is Stage.MAIL and said.code >= 500):  # noqa: PLR2004 - 5yz
            raise OutOfStep(f"the host said {said.code} without being asked")
        self._settle(self._session.reply(said, stage=self._stage))
        self._session.close()
        return True

    def _take_verdict(self, said: HostReply, *, more_to_come: bool) -> None:
        if said.intermediate:
            raise OutOfStep(f"{said.code} is no answer to the final dot")
        self._session.needs_reset = False
        self._settle(self._session.reply(said, stage=Stage.DOT))
        if self._session.wire.unread and not more_to_come:
            self._session.broken(OutOfStep("the host gave two answers to one message"), stage=Stage.DOT)

    # The outcome

    def _give_up(self, error: ConversationBroken) -> None:
        # A host that lets an envelope behind a dot go unanswered may have thrown away what it had not read.
        unheard = self.begun and self._stage is Stage.MAIL and isinstance(error, TimedOut)
        self._out_of_step = isinstance(error, OutOfStep) or unheard
        so_far = error.so_far if isinstance(error, OutOfStep) else None
        reply = self._session.broken(error, stage=self._stage)
        if self._dot_sent and so_far is not None and so_far.positive:
            # Too long a reply, but its code says that the host has the message: it must not get it again.
            self._settle(self._session.reply(so_far, stage=Stage.DOT))
            return
        if isinstance(error, OutOfStep) and not self._dot_sent:
            # Nobody knows which answer was meant for whom.
            self._replies = [old if old and not old.remote else None for old in self._replies]
        self._in_doubt = self._dot_sent and error.leaves_doubt and None in self._replies
        self._settle(reply)

    def _settle(self, reply: Reply) -> None:
        """Let `reply` decide for all recipients that nothing decided for yet."""
        self._replies = [reply if old is None else old for old in self._replies]

    def _decided(self) -> Iterator[Reply]:
        for reply in self._replies:
            yield reply or self._session.refusal(
                451, "4.5.0", "The host did not decide about the recipient", stage=self._stage
            )
