"""Real and odd mail that others collected: the samples of Python's own tests of its email package."""

import re

from tests.tools import PYTHON_SAMPLES

_LINE_END = re.compile(rb"\r\n|\r|\n")


def messages() -> list[bytes]:
    """All of them, with the CRLF that mail has on the wire."""
    files = sorted(PYTHON_SAMPLES.glob("msg_*.txt"))
    assert files, f"{PYTHON_SAMPLES} is missing: python tests/tools.py install"
    return [_LINE_END.sub(b"\r\n", file.read_bytes()) for file in files]
