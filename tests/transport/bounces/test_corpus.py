"""CPython's own sample messages, odd ones among them, as the message that could not be delivered."""

import pytest
from flufl.bounce import all_failures

from tests.support import corpus
from tests.support.reports import a_report, raw_third_part, read, returned
from transport import bounces

SAMPLES = corpus.messages()


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_each_sample_comes_back_byte_for_byte(number):
    original = SAMPLES[number]
    report = a_report(original=original)
    kind = returned(read(report)).get_content_type()
    too_long = max(map(len, original.split(b"\r\n"))) > 998

    # Some samples are reports themselves, and name others.
    assert b"bob@contoso.test" in all_failures(read(report))[1]
    assert kind == ("text/rfc822-headers" if too_long or b"\x00" in original else "message/rfc822")
    if kind == "message/rfc822":
        ending = b"" if original.endswith(b"\r\n") else b"\r\n"
        assert raw_third_part(bounces.write(report)) == original + ending
