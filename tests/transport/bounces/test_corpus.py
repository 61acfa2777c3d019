"""CPython's own sample messages, odd ones among them, as the message that could not be delivered."""

import sysconfig
from pathlib import Path

import pytest
from flufl.bounce import all_failures

from tests.support.reports import a_report, raw_third_part, read, returned
from transport import bounces

FOLDER = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
SAMPLES = sorted(FOLDER.glob("msg_*.txt"))


def as_stored(path):
    """With CRLF at the end of each line, as everything is that comes in."""
    return path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_the_samples_are_there():
    assert len(SAMPLES) > 40, f"{FOLDER}: install the tests of Python (Debian: libpython3-testsuite)"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_sample_comes_back_byte_for_byte(path):
    original = as_stored(path)
    report = a_report(original=original)
    written = bounces.write(report)
    kind = returned(read(report)).get_content_type()

    # Some samples are reports themselves, and name others.
    assert b"bob@contoso.test" in all_failures(read(report))[1]
    assert kind in ("message/rfc822", "text/rfc822-headers")
    if kind == "message/rfc822":
        assert raw_third_part(written) == original + (b"" if original.endswith(b"\r\n") else b"\r\n")
    else:
        # Only what no line of mail may hold keeps a sample from going back whole.
        assert b"\r" in original.replace(b"\r\n", b"") or max(map(len, original.split(b"\r\n"))) > 998
