"""The DNS record of a DKIM key (RFC 6376 section 3.6): what to publish, and what is wrong with what is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_STRING_BYTES = 255
"""A TXT record is made of strings of at most this length (RFC 1035 section 3.3.14)."""
TTL_SECONDS = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class DkimRecord:
    """The record that makes the signatures of one key verifiable."""

    name: str
    """`selector._domainkey.domain`, without final dot."""
    key_type: str
    """`rsa` or `ed25519`."""
    public_key: str
    """Base64."""

    @property
    def value(self) -> str:
        """The text that verifiers read."""
        return f"v=DKIM1; k={self.key_type}; p={self.public_key}"

    @property
    def strings(self) -> tuple[str, ...]:
        """The value cut into strings that a TXT record can hold."""
        value = self.value
        return tuple(value[at : at + MAX_STRING_BYTES] for at in range(0, len(value), MAX_STRING_BYTES))

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file (RFC 1035 section 5.1)."""
        strings = " ".join(f'"{string}"' for string in self.strings)
        return f"{self.name}. {TTL_SECONDS} IN TXT ( {strings} )"


def faults(record: DkimRecord, published: Sequence[bytes]) -> tuple[str, ...]:
    """Say what is wrong with the published TXT records, each given with its strings joined; empty: nothing.

    Each fault is a sentence for administrators.
    """
    if not published:
        return ("There is no TXT record of this name: publish it.",)
    if len(published) > 1:
        return (f"There are {len(published)} TXT records of this name: leave only the right one.",)
    try:
        tags = _tags(published[0].decode("ascii"))
    except ValueError as error:
        return (f"The record is no list of tags: {error}.",)
    return tuple(_wrong_tags(record, tags))


def _tags(text: str) -> dict[str, str]:
    """Read a tag list (RFC 6376 section 3.2). Raises ValueError with a clause."""
    tags: dict[str, str] = {}
    for part in text.removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError("every tag has a name, = and a value")
        if name.strip() in tags:
            raise ValueError("a tag stands in it twice")
        tags[name.strip()] = re.sub(r"\s", "", value)
    return tags


def _wrong_tags(record: DkimRecord, tags: dict[str, str]) -> list[str]:
    wrong = []
    if next(iter(tags)) != "v" and "v" in tags:
        wrong.append("The tag v= must stand first.")
    if tags.get("v", "DKIM1") != "DKIM1":
        wrong.append("The tag v= must be DKIM1.")
    if tags.get("k", "rsa") != record.key_type:
        wrong.append(f"The tag k= must be {record.key_type}.")
    wrong += _wrong_key(record, tags)
    if "sha256" not in tags.get("h", "sha256").split(":"):
        wrong.append("The tag h= must allow sha256, or be left out.")
    if not {"*", "email"} & set(tags.get("s", "*").split(":")):
        wrong.append("The tag s= must allow email, or be left out.")
    if "y" in tags.get("t", "").split(":"):
        wrong.append("The tag t=y says that the domain is testing: receivers then ignore the signatures.")
    return wrong


def _wrong_key(record: DkimRecord, tags: dict[str, str]) -> list[str]:
    if "p" not in tags:
        return ["The tag p= with the public key is missing."]
    if not tags["p"]:
        return ["The tag p= is empty, which revokes the key."]
    if tags["p"] != record.public_key:
        return ["The tag p= holds another public key, or this one altered or cut off."]
    return []
