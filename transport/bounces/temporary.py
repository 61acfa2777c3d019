"""Explanations of trouble that passes (exchange.md 11.1): read when it did not, or when a message is late."""

from transport.bounces.phrases import (
    ADMINISTRATOR,
    BLOCKED,
    LATER,
    LATER_OR_ADMINISTRATOR,
    NO_CONNECTION,
    OTHER_WAY,
    OUR_SIDE,
    SPELLING,
    THEIR_SIDE,
    TLS,
    TOO_LATE,
    Explanation,
)

TEMPORARY = {
    "4.2.2": Explanation(
        "The recipient's mailbox is full.", "It takes messages again once it was tidied up.", OTHER_WAY
    ),
    "4.2": Explanation("The recipient's mailbox does not take messages at present.", THEIR_SIDE, OTHER_WAY),
    "4.3.0": Explanation(
        "A mail server had a trouble of its own.", "That usually passes.", LATER_OR_ADMINISTRATOR
    ),
    "4.3.1": Explanation("A mail server had no room for the message.", "Its disk or memory is short.", LATER),
    "4.3.2": Explanation(
        "The recipient's mail server takes no messages at present.",
        "It is being maintained, or its operator has stopped it.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.3": Explanation(
        "The recipient's mail server was not ready for the message.", THEIR_SIDE, LATER_OR_ADMINISTRATOR
    ),
    "4.4.0": Explanation(
        "The recipient's mail server could not be found, or answered with an error.",
        "The entries of its domain in the DNS are wrong or out of reach, or it has a trouble of its own.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.4.1": NO_CONNECTION,
    "4.4.2": Explanation(
        "The connection to the recipient's mail server broke off.",
        "The network, a firewall or the server itself ended it in the middle of the transfer.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.4.3": Explanation(
        "The recipient's domain could not be looked up.", "Its name servers give no answer.", LATER
    ),
    "4.4.4": Explanation(
        "The recipient's mail server could not be found.",
        "The entries of its domain in the DNS name a server that does not exist or may not be used.",
        f"{SPELLING} {ADMINISTRATOR}",
    ),
    "4.4.7": TOO_LATE,
    "4.4.101": Explanation("The way out of our network was not available.", OUR_SIDE, ADMINISTRATOR),
    "4.4.312": Explanation(
        "The recipient's domain could not be looked up.", "Its name servers give no answer.", LATER
    ),
    "4.4.315": NO_CONNECTION,
    "4.4.316": Explanation(
        "The recipient's mail server refused the connection.",
        "No mail program runs there now, or a firewall keeps us out.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.4.317": TLS,
    "4.4.318": Explanation(
        "The recipient's mail server closed the connection at once.",
        "It is overloaded, or it does not want to speak to our mail server.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.4.395": Explanation(
        "The recipient's mail server answered with an error.", THEIR_SIDE, LATER_OR_ADMINISTRATOR
    ),
    "4.4.397": Explanation(
        "The talk with the recipient's mail server failed.", THEIR_SIDE, LATER_OR_ADMINISTRATOR
    ),
    "4.4": NO_CONNECTION,
    "4.5.3": Explanation(
        "The message had too many recipients at once.", "The host takes fewer at a time.", LATER
    ),
    "4.7.0": Explanation(
        "The recipient's mail server put the message off for reasons of security.",
        "Many servers do so with senders that they do not know yet, or the connection was not trusted.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4.7.5": Explanation("The certificate of our own mail server cannot be used.", OUR_SIDE, ADMINISTRATOR),
    "4.7.32x": TLS,
    "4.7.5xx": BLOCKED,
    "4.7.85x": BLOCKED,
    "4.7": Explanation(
        "The recipient's mail server put the message off for reasons of security until its time was over.",
        "It does not know or does not trust the sender yet.",
        LATER_OR_ADMINISTRATOR,
    ),
    "4": TOO_LATE,
}
"""By status code, by a range of them, by the first two numbers, or by the class."""
