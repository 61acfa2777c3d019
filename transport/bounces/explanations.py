"""What happened and what to do, in plain words, by status code (exchange.md section 11)."""

from transport.bounces.cleaning import status
from transport.envelope import Reply

_SPELLING = "Check the address for mistakes and send the message again."
_ASK_ADMINISTRATOR = "If it goes on, forward this report to your mail administrator."
_ASK_RECIPIENT = "Ask the recipient, by phone or another way, to have this looked into."

EXPLANATIONS = {
    "4.2.2": ("The recipient's mailbox is full.", "Try again later, or reach the recipient another way."),
    "4.3.1": ("The recipient's mail server had no room for the message.", "Try again later."),
    "4.4.7": (
        "The message could not be delivered in time: no mail server of the recipient took it.",
        f"Send it again later. {_ASK_ADMINISTRATOR}",
    ),
    "4.7": (
        "The recipient's mail server put the message off for reasons of security until its time was over.",
        _ASK_ADMINISTRATOR,
    ),
    "4": (
        "The message could not be delivered in time: what stood in its way did not go away.",
        f"Send it again later. {_ASK_ADMINISTRATOR}",
    ),
    "5.1.0": ("The sender or the recipient address was refused.", _SPELLING),
    "5.1.1": ("There is no such recipient.", _SPELLING),
    "5.1.2": ("The domain behind the @ takes no mail, or is misspelled.", _SPELLING),
    "5.1.3": ("The recipient address is not written correctly.", _SPELLING),
    "5.1.6": ("The recipient has moved and left no address.", _ASK_RECIPIENT),
    "5.1.7": ("Your own address was refused.", _ASK_ADMINISTRATOR),
    "5.1.8": ("Your own address was refused.", _ASK_ADMINISTRATOR),
    "5.1.10": ("There is no such recipient, or the domain behind the @ accepts no mail.", _SPELLING),
    "5.1": ("The address was refused.", _SPELLING),
    "5.2.1": ("The mailbox is switched off or takes no mail at present.", _ASK_RECIPIENT),
    "5.2.2": ("The recipient's mailbox is full.", "Try again later, or reach the recipient another way."),
    "5.2.3": (
        "The message is too large for this recipient.",
        "Make it smaller, or send large files as links.",
    ),
    "5.2": ("The recipient's mailbox did not take the message.", _ASK_RECIPIENT),
    "5.3.4": ("The message is too large.", "Make it smaller, or send large files as links."),
    "5.3.5": ("The mail system is set up so that it would send to itself.", _ASK_ADMINISTRATOR),
    "5.3": ("The recipient's mail system could not handle the message.", _ASK_RECIPIENT),
    "5.4.1": ("The recipient's mail server does not take mail for this address.", _SPELLING),
    "5.4.4": ("No mail server was found for the domain behind the @.", _SPELLING),
    "5.4.6": ("The message would go round in circles between mail servers.", _ASK_ADMINISTRATOR),
    "5.4.7": ("The message could not be delivered in time.", f"Send it again later. {_ASK_ADMINISTRATOR}"),
    "5.4.14": ("The message went round in circles between mail servers.", _ASK_ADMINISTRATOR),
    "5.4": ("The recipient's mail server could not be reached.", _ASK_ADMINISTRATOR),
    "5.5.3": ("The message had too many recipients.", "Send it to fewer recipients at a time."),
    "5.5": ("The mail servers did not understand each other.", _ASK_ADMINISTRATOR),
    "5.6.7": (
        "The recipient's mail server does not take addresses with international characters.",
        "Ask the recipient for another address.",
    ),
    "5.6": ("The recipient's mail server cannot take a message of this form.", _ASK_ADMINISTRATOR),
    "5.7.1": (
        "The recipient's mail server refused the message by one of its rules.",
        f"{_ASK_RECIPIENT} {_ASK_ADMINISTRATOR}",
    ),
    "5.7": ("The message was refused for reasons of security or policy.", _ASK_ADMINISTRATOR),
}
"""(what happened, what to do) by status code, by its first two numbers, or by its class."""

EXPLANATIONS_BY_REPLY = {
    551: EXPLANATIONS["5.1.6"],
    552: EXPLANATIONS["5.3.4"],
    553: EXPLANATIONS["5.1.3"],
    556: EXPLANATIONS["5.1.2"],
}
"""For hosts that give no enhanced code; 550 and 554 say too little."""

UNEXPLAINED = (
    "The recipient's mail server refused the message.",
    f"What it said stands below. {_ASK_ADMINISTRATOR}",
)


def explain(reply: Reply) -> tuple[str, str]:
    """Say what happened and what the sender can do, one or two sentences each."""
    code = status(reply.code, reply.enhanced)
    kind, subject, _ = code.split(".")
    for known in (code, f"{kind}.{subject}", kind):
        if known in EXPLANATIONS:
            return EXPLANATIONS[known]
    return EXPLANATIONS_BY_REPLY.get(reply.code, UNEXPLAINED)
