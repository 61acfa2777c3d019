"""One line end: CRLF, and neither half of it alone."""

from hypothesis import example, given
from hypothesis import strategies as st

from transport.line_ends import only_crlf

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"text", b"\x85", b"\xe2\x80\xa8", b"\x0b", b"\x0c"])
)


@given(PIECES.map(b"".join))
@example(b"ends with a CR\r")
@example(b"\r\r\n")
@example(b"\n\r")
def test_content_is_clean_when_each_cr_and_each_lf_is_half_of_a_crlf(content):
    assert only_crlf(content) is (content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n"))
