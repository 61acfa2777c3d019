"""Domain names as they are stored and as they are read: A-labels and U-labels (RFC 5890)."""

import re
import unicodedata

import idna

MAX_DOMAIN_CHARACTERS = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_SCRIPTS_READ_TOGETHER = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "LATIN"})
_LATIN_TWINS = frozenset("аеорсухѕіјһԁӏԛԝԍɡαιονρυκ")
"""Cyrillic and Greek letters that look like Latin ones."""


class NotADomain(ValueError):  # noqa: N818 - reads as a sentence where it is raised
    """The text is no domain name; the message is the rule it breaks, without the text."""


def to_ascii(text: str) -> str:
    """Give the A-label form in lower case, without a final dot (UTS 46, RFC 1035 section 2.3.1).

    Raises NotADomain.
    """
    if len(text) > MAX_DOMAIN_CHARACTERS + 1:
        raise NotADomain(f"a domain has at most {MAX_DOMAIN_CHARACTERS} characters")
    labels = [_ascii_label(label) for label in _mapped(text).removesuffix(".").split(".")]
    domain = ".".join(labels)
    if len(domain) > MAX_DOMAIN_CHARACTERS:
        raise NotADomain(f"a domain has at most {MAX_DOMAIN_CHARACTERS} characters")
    return domain


def a_label(domain: str) -> str:
    """`to_ascii` for a domain that is to be matched: what is no domain stays as it is, in lower case."""
    try:
        return to_ascii(domain)
    except NotADomain:
        return domain.lower().rstrip(".")


def readable(domain: str) -> str:
    """Give the domain with U-labels where they are safe to show, else with its A-labels.

    A label stays an A-label when it does not decode, runs from right to left (it would reorder the text
    around it), mixes scripts, or consists of letters that pass for Latin ones.
    """
    return ".".join(_readable_label(label) for label in domain.split("."))


def _mapped(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        return idna.uts46_remap(text, std3_rules=False, transitional=False)
    except idna.IDNAError as error:
        raise NotADomain("it holds a character that no domain can have") from error


def _ascii_label(label: str) -> str:
    if not label:
        raise NotADomain("an empty label: two dots in a row, or a dot in front")
    if label.isascii() and not label.startswith("xn--"):
        return _checked(label)
    try:
        # alabel also proves that an A-label decodes and is in its canonical form.
        return _checked(idna.alabel(label).decode("ascii"))
    except idna.IDNAError as error:
        raise NotADomain("a label is no valid internationalized name") from error


def _checked(label: str) -> str:
    if not _LABEL.fullmatch(label):
        raise NotADomain(
            "a label is made of letters, digits and hyphens (not first or last), 63 characters at most"
        )
    return label


def _readable_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        decoded = idna.ulabel(label)
    except idna.IDNAError:
        return label
    return decoded if _is_safe_to_show(decoded) else label


def _is_safe_to_show(label: str) -> bool:
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in label):
        return False
    letters = [character for character in label if character.isalpha()]
    if letters and all(character in _LATIN_TWINS for character in letters):
        return False
    scripts = {unicodedata.name(character, "?").split()[0].split("-")[0] for character in letters}
    return len(scripts) <= 1 or scripts <= _SCRIPTS_READ_TOGETHER
