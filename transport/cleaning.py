"""Foreign text made safe to store, log and show: valid, printable, one line, bounded."""

import re

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])?|\x9b[0-?]*[ -/]*[@-~]"
)
_WHITE_SPACE = re.compile(r"\s+")
# Every format character goes: the bidi controls among them reorder what a reader sees (attack A29).
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SLACK = 8
"""Characters read per character kept: what is thrown away is bounded too."""


def clean_text(data: bytes | str, *, limit: int) -> str:
    """Return `data` as one printable line of at most `limit` characters; never raises.

    Bytes are read as UTF-8. Terminal escape sequences and invisible format characters (bidi controls) go,
    a run of white space becomes one space, and whatever else does not print (NUL, surrogates, bad UTF-8)
    becomes U+FFFD.
    """
    head = data[: limit * _SLACK]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    if not text.isprintable():
        text = _printable(text)
    return text.strip()[:limit].rstrip()


def _printable(text: str) -> str:
    text = _ESCAPE_SEQUENCE.sub("", text)
    text = _INVISIBLE.sub("", _WHITE_SPACE.sub(" ", text))
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
