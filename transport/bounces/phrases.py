"""What an explanation is made of, and what several of them say."""

from typing import NamedTuple


class Explanation(NamedTuple):
    """One or two sentences each, for the person who sent the message."""

    happened: str
    means: str
    remedy: str


SPELLING = "Check the address for mistakes and send the message again."
LATER = "Send the message again later."
OTHER_WAY = "Try again later, or reach the recipient another way."
ADMINISTRATOR = "Forward this report to your mail administrator."
LATER_OR_ADMINISTRATOR = f"{LATER} If it goes on, forward this report to your mail administrator."
RECIPIENT = "Ask the recipient, by phone or another way, to have this looked into."
SMALLER = "Make it smaller, or send large files as links."
THEIR_SIDE = "The trouble is on the recipient's side, or on the way to it."
OUR_SIDE = "The message itself is in order; how mail is sent from here has to be changed."

BLOCKED = Explanation(
    "The recipient's mail system does not take mail from our mail server at present.",
    "Its operator distrusts the address that our mail comes from.",
    ADMINISTRATOR,
)
TLS = Explanation(
    "The connection to the recipient's mail server could not be protected as it has to be.",
    "Its certificate or its security records in the DNS are missing, out of date or do not fit its name.",
    f"{LATER_OR_ADMINISTRATOR}",
)
NO_CONNECTION = Explanation(
    "The recipient's mail server could not be reached.",
    "It is switched off, overloaded, or a firewall on the way lets nothing through.",
    LATER_OR_ADMINISTRATOR,
)
ONLY_SOME = Explanation(
    "The recipient takes messages only from certain senders.",
    "Your address is not among them, or you were not recognized as a member of the recipient's organization.",
    "Ask the recipient to allow your address.",
)
LOOP = Explanation(
    "The message went round in circles between mail servers.",
    "Two mail systems each hold the other one responsible for the recipient.",
    f"{RECIPIENT} {ADMINISTRATOR}",
)
TOO_LATE = Explanation(
    "The message could not be delivered in time.",
    "It was tried again and again, and what stood in its way did not go away.",
    LATER_OR_ADMINISTRATOR,
)
