"""Content between DATA and the final dot: made plain, and judged as a whole."""

from transport.headers import count_received, header_bytes
from transport.line_ends import only_crlf
from transport.receiving.errors import Refused
from transport.receiving.limits import Limits

END_OF_CONTENT = b"\r\n.\r\n"


def find_end(buffer: bytearray, *, searched_bytes: int) -> int:
    """Return where the end mark begins, -1 if it is not there yet.

    Looking for a dot first is twenty times faster, where there is none.
    """
    start = max(0, searched_bytes - len(END_OF_CONTENT) + 1)
    dot = buffer.find(b".", start)
    return buffer.find(END_OF_CONTENT, max(start, dot - 2)) if dot >= 0 else -1


def unstuff(raw: bytes) -> bytes:
    """Undo the dot-stuffing of RFC 5321 4.5.2; `raw` begins with the CRLF that ended the DATA command."""
    # Behind the last dot nothing is stuffed: an attachment in Base64 is not searched for pairs.
    end = raw.rfind(b".") + 1
    return raw[:end].replace(b"\r\n.", b"\r\n")[2:] + raw[end:] if end else raw[2:]


def verify(content: bytes, *, limits: Limits) -> None:
    """Raise `Refused` for content that is not passed on; unstuffed and without our own trace line.

    A lone CR or LF and NUL are refused, not mended: a receiver that reads line ends in another way would see
    other messages than we did (SMTP smuggling, CVE-2023-51764), and mending would break signatures.
    """
    if len(content) > limits.max_message_bytes:
        raise too_large(limits)
    _verify_octets(content)
    _verify_lines(content, longest_bytes=limits.max_line_bytes)
    if header_bytes(content) > limits.max_header_bytes:
        raise Refused(552, "5.3.4", f"Message header exceeds the limit of {limits.max_header_bytes} bytes")
    if count_received(content) > limits.max_hops:
        raise Refused(
            554, "5.4.6", f"Hop count exceeded: more than {limits.max_hops} Received lines, mail loop"
        )


def too_large(limits: Limits) -> Refused:
    """Return the refusal of a message over the size limit (RFC 1870 section 6)."""
    return Refused(552, "5.3.4", f"Message size exceeds the limit of {limits.max_message_bytes} bytes")


def _verify_octets(content: bytes) -> None:
    if not only_crlf(content):
        if content.count(b"\n") != content.count(b"\r\n"):
            raise Refused(550, "5.6.11", "Message contains a bare line feed (LF without CR)")
        raise Refused(550, "5.6.11", "Message contains a bare carriage return (CR without LF)")
    if b"\0" in content:
        raise Refused(550, "5.6.11", "Message contains a NUL character")


def _verify_lines(content: bytes, *, longest_bytes: int) -> None:
    """Jump from line end to line end, as far as the longest line allows: no look at every line."""
    start, size = 0, len(content)
    while start < size:
        start = content.rfind(b"\n", start, start + longest_bytes) + 1
        if not start:
            raise Refused(
                550, "5.6.0", f"Message contains a line of more than {longest_bytes - 2} characters"
            )
