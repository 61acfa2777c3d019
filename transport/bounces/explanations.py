"""What happened, what it means and what to do, in plain words, by status code (exchange.md section 11)."""

import re

from transport.bounces.cleaning import failure_status
from transport.bounces.permanent import PERMANENT
from transport.bounces.phrases import TOO_LATE, Explanation
from transport.bounces.temporary import TEMPORARY
from transport.envelope import Reply, Stage

EXPLANATIONS = TEMPORARY | PERMANENT
_RANGES = {
    range(320, 326): "32x",
    range(500, 800): "5xx",
    range(850, 900): "85x",
    range(900, 1000): "9xx",
}
"""Details of subject 7 that mean one thing."""

BY_REPLY = {
    551: EXPLANATIONS["5.1.6"],
    552: EXPLANATIONS["5.3.4"],
    553: EXPLANATIONS["5.1.3"],
    556: EXPLANATIONS["5.1.2"],
}
"""For hosts that give no enhanced code; 550 and 554 say too little."""

_LAST_IN_CHAIN = re.compile(r".*-> ([2-5]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?= |$)")


def explain(reply: Reply) -> Explanation:
    """Say what happened, what it means and what the sender can do."""
    if not reply.enhanced and reply.code in BY_REPLY:
        return BY_REPLY[reply.code]
    kind, subject, detail = failure_status(reply.code, reply.enhanced).split(".")
    family = next((name for numbers, name in _RANGES.items() if int(detail) in numbers), detail)
    for known in (f"{kind}.{subject}.{detail}", f"{kind}.{subject}.{family}", f"{kind}.{subject}", kind):
        if known in EXPLANATIONS:
            return EXPLANATIONS[known]
    return EXPLANATIONS["5.0.0"]


def last_reason(reply: Reply) -> str:
    """Say why the last try failed where `reply` is ours and quotes that: `Expired -> 451 4.7.1 text`."""
    found = None if reply.remote else _LAST_IN_CHAIN.match(reply.text)
    if found is None:
        return ""
    quoted = explain(Reply(code=int(found[1]), enhanced=found[2] or "", stage=Stage.QUEUE))
    return "" if quoted is TOO_LATE else quoted.happened
