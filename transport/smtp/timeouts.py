"""How long each step of a session may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from transport.envelope import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Real deadlines, not idle times: a trickle of bytes extends none of them.

    RFC 5321 section 4.5.3.2 gives the least values for banner, MAIL, RCPT, DATA, block and dot.
    """

    connect: timedelta = timedelta(seconds=30)
    banner: timedelta = timedelta(minutes=5)
    ehlo: timedelta = timedelta(minutes=5)
    starttls: timedelta = timedelta(minutes=5)
    """For the answer to STARTTLS, and again for the handshake."""
    auth: timedelta = timedelta(minutes=5)
    mail: timedelta = timedelta(minutes=5)
    rcpt: timedelta = timedelta(minutes=5)
    data: timedelta = timedelta(minutes=2)
    block: timedelta = timedelta(minutes=3)
    """For the host to take one block (64 KiB) of content."""
    dot: timedelta = timedelta(minutes=10)
    quit: timedelta = timedelta(seconds=5)
    session: timedelta = timedelta(hours=1)
    """From dialling to the end of the last message; cuts every other one short."""

    def by_stage(self) -> Mapping[Stage, float]:
        """Return seconds to wait for a reply at each stage."""
        return {
            Stage.CONNECT: self.connect.total_seconds(),
            Stage.BANNER: self.banner.total_seconds(),
            Stage.EHLO: self.ehlo.total_seconds(),
            Stage.STARTTLS: self.starttls.total_seconds(),
            Stage.AUTH: self.auth.total_seconds(),
            Stage.MAIL: self.mail.total_seconds(),
            Stage.RCPT: self.rcpt.total_seconds(),
            Stage.DATA: self.data.total_seconds(),
            Stage.DOT: self.dot.total_seconds(),
            Stage.QUIT: self.quit.total_seconds(),
        }
