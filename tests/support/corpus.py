"""Real and odd mail that others collected: the messages of CPython's own tests of its email package."""

import re
from importlib.util import find_spec
from pathlib import Path

_LINE_END = re.compile(rb"\r\n|\r|\n")


def messages() -> list[bytes]:
    """All of them, with the CRLF that mail has on the wire."""
    found = find_spec("test.test_email")
    assert found is not None, "CPython's tests are missing: python tests/tools.py install"
    (package,) = found.submodule_search_locations or ()
    files = sorted((Path(package) / "data").glob("msg_*.txt"))
    assert files, "CPython's test messages are missing: python tests/tools.py install"
    return [_LINE_END.sub(b"\r\n", file.read_bytes()) for file in files]
