"""Explanations of what is final (exchange.md 11.2)."""

from transport.bounces.phrases import (
    ADMINISTRATOR,
    BLOCKED,
    LATER,
    LOOP,
    NO_CONNECTION,
    ONLY_SOME,
    OTHER_WAY,
    OUR_SIDE,
    RECIPIENT,
    SMALLER,
    SPELLING,
    THEIR_SIDE,
    TLS,
    TOO_LATE,
    Explanation,
)

PERMANENT = {
    "5.0.0": Explanation(
        "The recipient's mail server refused the message.",
        "It said no more, or how our mail server presents itself there has to be corrected.",
        f"What it said stands below. {ADMINISTRATOR}",
    ),
    "5.0.350": Explanation(
        "The recipient's mail server refused the message.",
        "Something in the message or in how it was sent is not allowed there.",
        f"What it said stands below. {ADMINISTRATOR}",
    ),
    "5.1.0": Explanation(
        "The sender or the recipient address was refused.", "One of them is not known there.", SPELLING
    ),
    "5.1.1": Explanation(
        "There is no such recipient.", "The domain exists, but it has no mailbox of this name.", SPELLING
    ),
    "5.1.2": Explanation(
        "The domain behind the @ takes no mail, or is misspelled.", "No way leads to this domain.", SPELLING
    ),
    "5.1.3": Explanation(
        "The recipient address is not written correctly.", "It breaks the rules of addresses.", SPELLING
    ),
    "5.1.4": Explanation(
        "The recipient address is ambiguous, or belongs to a domain set aside for tests.",
        "Nobody, or more than one mailbox, answers to it.",
        f"{SPELLING} {RECIPIENT}",
    ),
    "5.1.5": Explanation(
        "The domain behind the @ is set aside and takes no mail.", "It exists for examples.", SPELLING
    ),
    "5.1.6": Explanation(
        "The recipient has moved, or the part behind the @ is no full domain.",
        "The address cannot be used any more, or is incomplete.",
        f"{SPELLING} {RECIPIENT}",
    ),
    "5.1.7": Explanation(
        "Your own address was refused.", "It is not valid where the message went.", ADMINISTRATOR
    ),
    "5.1.8": Explanation(
        "Your own address was refused.",
        "It may not send, or sent too much in too short a time.",
        ADMINISTRATOR,
    ),
    "5.1.10": Explanation(
        "There is no such recipient, or the domain behind the @ accepts no mail.",
        "The recipient's side says so in plain words: trying again does not help.",
        SPELLING,
    ),
    "5.1.90": Explanation(
        "You have reached the number of recipients allowed in a day.",
        "Sending is open again tomorrow.",
        LATER,
    ),
    "5.1": Explanation("The address was refused.", "The recipient's mail server does not know it.", SPELLING),
    "5.2.1": Explanation(
        "The mailbox is switched off or takes no mail at present.",
        "It exists, but nobody uses it now.",
        RECIPIENT,
    ),
    "5.2.2": Explanation(
        "The recipient's mailbox is full.", "It takes messages again once it was tidied up.", OTHER_WAY
    ),
    "5.2.3": Explanation(
        "The message is too large for this recipient.", "The mailbox has a limit of its own.", SMALLER
    ),
    "5.2.4": Explanation(
        "The recipient is a distribution list that does not work.", "Its members cannot be found.", RECIPIENT
    ),
    "5.2": Explanation("The recipient's mailbox did not take the message.", THEIR_SIDE, RECIPIENT),
    "5.3.0": Explanation(
        "A mail system could not handle the message.", "It failed on it again and again.", ADMINISTRATOR
    ),
    "5.3.2": Explanation("The recipient's mailbox did not take the message.", THEIR_SIDE, RECIPIENT),
    "5.3.3": Explanation("The recipient's mail server did not understand ours.", THEIR_SIDE, ADMINISTRATOR),
    "5.3.4": Explanation(
        "The message is too large.", "It is over the limit of a mail system on its way.", SMALLER
    ),
    "5.3.5": Explanation(
        "The mail system is set up so that it would send to itself.", OUR_SIDE, ADMINISTRATOR
    ),
    "5.3": Explanation("The recipient's mail system could not handle the message.", THEIR_SIDE, RECIPIENT),
    "5.4.1": Explanation(
        "The recipient's mail server does not take mail for this address.",
        "The address does not exist there, or the domain is looked after by another server.",
        SPELLING,
    ),
    "5.4.4": Explanation(
        "No mail server was found for the domain behind the @.",
        "The domain does not exist, or takes no mail.",
        SPELLING,
    ),
    "5.4.6": Explanation(
        "The message would go round in circles between mail servers.",
        "The way to the recipient leads back to where the message came from.",
        ADMINISTRATOR,
    ),
    "5.4.7": TOO_LATE,
    "5.4.14": LOOP,
    "5.4.300": TOO_LATE,
    "5.4": NO_CONNECTION,
    "5.5.0": Explanation("The recipient's mail server could not take the message.", THEIR_SIDE, RECIPIENT),
    "5.5.2": Explanation("The mail servers did not understand each other.", THEIR_SIDE, ADMINISTRATOR),
    "5.5.3": Explanation(
        "The message had too many recipients.",
        "The host takes fewer at a time.",
        "Send it to fewer recipients at a time.",
    ),
    "5.5.4": Explanation("The name of our mail server was refused.", OUR_SIDE, ADMINISTRATOR),
    "5.5.6": Explanation(
        "The content of the message was refused.", "It is not built as messages have to be.", ADMINISTRATOR
    ),
    "5.5": Explanation("The mail servers did not understand each other.", THEIR_SIDE, ADMINISTRATOR),
    "5.6.3": Explanation(
        "The recipient's mail server cannot take the characters of the message.",
        "It is an old system that takes plain English letters only.",
        f"{RECIPIENT} Without umlauts and attachments in their raw form the message may go through.",
    ),
    "5.6.7": Explanation(
        "The recipient's mail server does not take addresses with international characters.",
        "It is not made for them yet.",
        "Ask the recipient for another address.",
    ),
    "5.6.11": Explanation(
        "The message contains line ends that are not allowed.",
        "The program that wrote it is at fault.",
        "Send it from another program.",
    ),
    "5.6": Explanation(
        "The recipient's mail server cannot take a message of this form.", THEIR_SIDE, ADMINISTRATOR
    ),
    "5.7.1": Explanation(
        "The recipient's mail server refused the message by one of its rules.",
        "You may not send to this recipient, our mail server may not send there, or the content was refused.",
        f"{RECIPIENT} {ADMINISTRATOR}",
    ),
    "5.7.3": Explanation("Our mail server could not log in where it had to.", OUR_SIDE, ADMINISTRATOR),
    "5.7.12": ONLY_SOME,
    "5.7.124": ONLY_SOME,
    "5.7.133": ONLY_SOME,
    "5.7.134": ONLY_SOME,
    "5.7.135": ONLY_SOME,
    "5.7.136": ONLY_SOME,
    "5.7.23": Explanation(
        "The recipient's mail server says that our mail server may not send for your domain.",
        "The SPF record of your domain does not name it.",
        ADMINISTRATOR,
    ),
    "5.7.25": Explanation(
        "The recipient's mail server found no name for the address of ours.",
        "The reverse DNS is missing.",
        ADMINISTRATOR,
    ),
    "5.7.27": Explanation(
        "The recipient's mail server refused your domain.",
        "Your domain says that it takes no mail.",
        ADMINISTRATOR,
    ),
    "5.7.32x": TLS,
    "5.7.57": Explanation("Our mail server has to log in before it may send.", OUR_SIDE, ADMINISTRATOR),
    "5.7.64": Explanation("The recipient's mail system does not relay for us.", OUR_SIDE, ADMINISTRATOR),
    "5.7.5xx": BLOCKED,
    "5.7.9xx": Explanation(
        "A mail administrator has forbidden messages of this kind.",
        "A rule of the recipient's organization matched.",
        f"{RECIPIENT} {ADMINISTRATOR}",
    ),
    "5.7": Explanation(
        "The message was refused for reasons of security or policy.",
        "A rule of the recipient's side matched.",
        ADMINISTRATOR,
    ),
}
"""By status code, by a range of them, by the first two numbers, or by the class."""
