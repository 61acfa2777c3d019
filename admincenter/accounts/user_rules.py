"""What a user may be called. Each rule takes what was typed and returns the value, or raises ValueError."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_CHARACTERS = 150
"""What Django's table of users holds."""
MAX_ADDRESS_CHARACTERS = 254
SHOWN_CHARACTERS = 80
_USER_NAME = re.compile(r"[\w.@+-]+")


def user_name(text: str) -> str:
    """Return a name to sign in with: letters and digits of any script, and @ . + - _."""
    name = unicodedata.normalize("NFKC", text)
    if not _USER_NAME.fullmatch(name):
        raise ValueError(f"User name {_shown(text)}: use letters, digits and @ . + - _ only.")
    return _bounded(name, label="User name", most=MAX_CHARACTERS)


def full_name(text: str) -> str:
    """Return the name of a person: one printable line."""
    if not text.isprintable():
        raise ValueError(f"Name {_shown(text)}: it has characters that cannot be shown.")
    return _bounded(text, label="Name", most=MAX_CHARACTERS)


def email(text: str) -> str:
    """Return an email address."""
    address = _bounded(text, label="Email", most=MAX_ADDRESS_CHARACTERS)
    try:
        validate_email(address)
    except ValidationError:
        raise ValueError(f"Email {_shown(text)}: this is no address such as anna@contoso.com.") from None
    return address


def _bounded(text: str, *, label: str, most: int) -> str:
    if len(text) > most:
        raise ValueError(f"{label} {_shown(text)}: at most {most} characters.")
    return text


def _shown(text: str) -> str:
    line = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"
