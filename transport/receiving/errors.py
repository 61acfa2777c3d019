"""Why the receiving side refuses.

ReceivingError
    Refused        the one that accepts says no to a whole message
    BadAddress     a path that RFC 5321 does not allow
    BadParameter   a MAIL or RCPT parameter that is unknown or malformed
"""


class ReceivingError(Exception):
    """Base of what this package raises."""


class Refused(ReceivingError):  # noqa: N818 - the reply, not a fault
    """The message is not taken; the client gets `reply_code enhanced text`.

    `reply_code` is 400 to 599, `enhanced` `x.y.z` (RFC 3463) of the same class. Raised by the `accept`
    function of a `Listener`.
    """

    def __init__(self, reply_code: int, enhanced: str, text: str) -> None:
        super().__init__(f"{reply_code} {enhanced} {text}")
        self.reply_code = reply_code
        self.enhanced = enhanced
        self.text = text


class BadAddress(ReceivingError):  # noqa: N818 - reads as what was found
    """The text says which rule the address breaks."""


class BadParameter(ReceivingError):  # noqa: N818 - reads as what was found
    """`reply_code` is 501 or 555, `enhanced` the code of RFC 3463, the text says what is wrong."""

    def __init__(self, reply_code: int, text: str, *, enhanced: str = "5.5.4") -> None:
        super().__init__(text)
        self.reply_code = reply_code
        self.enhanced = enhanced
