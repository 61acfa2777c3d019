"""What an error means and what an administrator does about it, in plain words.

What happened and what it means is told in the words of the reports to senders (`transport.bounces`), where
those fit; what to do is for who runs the server.
"""

import re
from typing import NamedTuple

from transport.bounces.explanations import EXPLANATIONS, explain
from transport.bounces.phrases import BLOCKED, NO_CONNECTION, TLS, TOO_LATE, Explanation
from transport.envelope import Reply, Stage

STATUS = re.compile(r"([2-5]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: |$)")
"""How the line of a reply begins."""


class Remedy(NamedTuple):
    """One or two sentences each."""

    happened: str
    means: str
    advice: str


class _Kind(NamedTuple):
    """A kind of error by its words."""

    words: re.Pattern[str]
    tells: Explanation
    advice: str


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _mine(happened: str, means: str) -> Explanation:
    return Explanation(happened, means, "")


_GREYLISTED = EXPLANATIONS["4.7.0"]
_KINDS = (
    _Kind(
        _words(
            r"authentication failed|^\S+ 5\.7\.8|^53[045]|cannot be opened|no oauth client|type the password"
        ),
        _mine("The next hop does not accept our login.", "All mail of the send connector is held."),
        "Type user name and password of the send connector again, in its delivery settings.",
    ),
    _Kind(
        _words(r"connection refused"),
        EXPLANATIONS["4.4.316"],
        "Check the smart host and the port of the send connector; where both are right, ask who runs the next"
        " hop. Then retry the queues.",
    ),
    _Kind(
        _words(r"connection timed out|(?:network|host) is unreachable|SourceIPAddress"),
        NO_CONNECTION,
        "If many next hops are concerned, look at our side first: the network, and a firewall or provider"
        " that blocks port 25. If it is one, ask who runs it.",
    ),
    _Kind(
        _words(r"SMTPSEND\.DNS|DNS query failed|^\S+ [45]\.4\.(?:3|4|312) "),
        EXPLANATIONS["4.4.3"],
        "Look up the domain or the smart host yourself. If others fail too, check the DNS servers of this"
        " transport server; if only this one does, its spelling, or the DNS of its owner.",
    ),
    _Kind(
        _words(r"\bTLS\b|STARTTLS|certificate|TLSA|^\S+ [45]\.7\.(?:5|32\d) "),
        TLS,
        "Compare the certificate that the next hop shows with what the send connector demands of TLS. The"
        " protocol log of the connector has the details.",
    ),
    _Kind(
        _words(r"gr[ea]y.?list"),
        _GREYLISTED,
        "Mostly nothing: the next attempt is let through. If it lasts longer than an hour, ask who runs the"
        " next hop to list this server.",
    ),
    _Kind(
        _words(r"\bblock|black.?list|\bdnsbl|\brbl\b|spamhaus|reputation|^\S+ [45]\.7\.(?:5|85)\d\d? "),
        BLOCKED,
        "Check the address of this server on the list that the host names, its reverse DNS, SPF and DKIM, and"
        " look for a client that sends spam through us.",
    ),
    _Kind(
        _words(
            r"too (?:many|fast|frequent)|rate.?limit|throttl|quota of messages|exceeded.{0,40}(?:rate|limit)"
        ),
        _mine("The next hop takes no more messages at present.", "We send more, or faster, than it allows."),
        "Limit connections or messages per second of the send connector.",
    ),
    _Kind(
        _words(r"connection dropped|timed out|^\S+ 4\.4\.2 "),
        EXPLANATIONS["4.4.2"],
        "If it happens again and again, look into the protocol log at which step the connection ends, and at"
        " firewalls on the way.",
    ),
    _Kind(
        _words(r"internal error"),
        _mine("This server had a trouble of its own.", "The messages are kept and tried again."),
        "Read the log of this server.",
    ),
)
_OTHERWISE = "Read the reply above. If it does not pass, send it to who runs the next hop."
_PUT_OFF = _mine("The next hop put the messages off.", "It gave a reason of its own, which stands above.")
SUSPENDED = Remedy(
    "An administrator suspended the queue.",
    "Mail may come in, nothing leaves.",
    "Resume the queue when what it was suspended for is over.",
)
UNROUTED = Remedy(
    "No send connector carries these recipients.",
    "The messages wait in the unreachable queue.",
    "Create a send connector whose address space covers their domains, or enable one that does. They go on by"
    " themselves then.",
)
POISON = Remedy(
    "The handling of these messages broke a worker.",
    "Each waits until an administrator decides.",
    "Export one and look at it; then resume or remove them.",
)


def remedy(error: str) -> Remedy:
    """Explain the last error of a queue."""
    for kind in _KINDS:
        if kind.words.search(error):
            return Remedy(kind.tells.happened, kind.tells.means, kind.advice)
    tells = _by_status(error)
    return Remedy(tells.happened, tells.means, _OTHERWISE)


def _by_status(error: str) -> Explanation:
    status = STATUS.match(error)
    if status is None:
        return _PUT_OFF
    found = explain(Reply(code=int(status[1]), enhanced=status[2] or "", stage=Stage.QUEUE))
    # That is what a sender is told in the end; here the mail still waits.
    return _PUT_OFF if found is TOO_LATE else found
