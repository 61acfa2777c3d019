"""How long each step of a session may take."""

from collections.abc import Mapping

from connectors.profiles import Timeouts
from transport.envelope import Stage

__all__ = ["Timeouts", "by_stage"]


def by_stage(timeouts: Timeouts) -> Mapping[Stage, float]:
    """Return seconds to wait for a reply at each stage."""
    return {
        Stage.CONNECT: timeouts.connect.total_seconds(),
        Stage.BANNER: timeouts.banner.total_seconds(),
        Stage.EHLO: timeouts.ehlo.total_seconds(),
        Stage.STARTTLS: timeouts.starttls.total_seconds(),
        Stage.AUTH: timeouts.auth.total_seconds(),
        Stage.MAIL: timeouts.mail.total_seconds(),
        Stage.RCPT: timeouts.rcpt.total_seconds(),
        Stage.DATA: timeouts.data.total_seconds(),
        Stage.DOT: timeouts.dot.total_seconds(),
        Stage.QUIT: timeouts.quit.total_seconds(),
    }
