"""What Suspend-Queue and Suspend-Message may be told: why, and until when. Exchange knows neither."""

from django.utils import timezone

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.parameters import TEXT, TIME, Parameter
from transport.suspensions import MOST_REASON_CHARACTERS, Note

REASON = Parameter(
    name="Reason",
    kind=TEXT,
    help=f"Why; others see it beside the suspension. At most {MOST_REASON_CHARACTERS} characters.",
)
UNTIL = Parameter(name="Until", kind=TIME, help="When it ends by itself. Default: when somebody resumes it.")


def read_note(cmdlet: Cmdlet) -> Note:
    """Give what the call says. Refuses a reason that is too long and an end that is over."""
    reason, until = cmdlet.bound.get(REASON) or "", cmdlet.bound.get(UNTIL)
    if len(reason) > MOST_REASON_CHARACTERS:
        cmdlet.refuse(f"-Reason: at most {MOST_REASON_CHARACTERS} characters, not {len(reason)}", REASON)
    if until is not None and until <= timezone.now():
        cmdlet.refuse("-Until: this time is over", UNTIL)
    return Note(reason=reason, until=until)
