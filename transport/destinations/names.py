"""Names as DNS takes them: A-labels, host names, address literals."""

import re
from ipaddress import IPv6Address, ip_address

import idna

MAX_NAME_LENGTH = 253
"""Characters, without the final dot (RFC 1035 section 2.3.4)."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def a_label(name: str) -> str:
    """Write the name in lower case, in A-labels and without final dot (RFC 5890).

    Raises ValueError when it is no host name.
    """
    bare = name.strip().removesuffix(".")
    if len(bare) > MAX_NAME_LENGTH:
        raise ValueError("it is longer than 253 characters")
    if not bare.isascii():
        bare = _encode(bare)
    if not is_host_name(bare.lower()):
        raise ValueError("it is not a domain name")
    return bare.lower()


def _encode(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError("it is not an internationalized domain name") from error


def is_host_name(name: str) -> bool:
    """Whether the lower-case name can be dialled: no address in disguise, no odd characters.

    An underscore is let through, as DNS does. A number as the last label is how addresses look
    (RFC 3696 section 2).
    """
    labels = name.split(".")
    well_formed = len(name) <= MAX_NAME_LENGTH and all(_LABEL.fullmatch(label) for label in labels)
    return well_formed and not labels[-1].isdigit()


def address_in(text: str) -> str | None:
    """Read `192.0.2.1`, `[192.0.2.1]`, `2001:db8::1` or `[IPv6:2001:db8::1]`; None when it is no address.

    RFC 5321 section 4.1.3.
    """
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    if inner[:5].lower() == "ipv6:":
        inner = inner[5:]
    try:
        return plain_address(inner)
    except ValueError:
        return None


def plain_address(text: str) -> str:
    """Write an address canonically; an IPv4 address mapped into IPv6 becomes the IPv4 address."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
