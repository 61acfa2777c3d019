"""The hash of a body in relaxed canonical form: that of dkimpy, however the body is cut."""

import hashlib

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from transport.signing import bodies
from transport.signing.bodies import body_hash

PIECES = st.lists(st.sampled_from([b"a", b"bc", b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"."]), max_size=40)


def of_dkimpy(body):
    return hashlib.sha256(Relaxed.canonicalize_body(body)).digest()


@given(PIECES, st.integers(min_value=1, max_value=9))
def test_it_is_the_hash_that_dkimpy_makes_in_one_go(pieces, size):
    body = b"".join(pieces)
    on_the_wire = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "PIECE_BYTES", size)

        assert body_hash(b"Header\r\n\r\n" + body, start=10) == of_dkimpy(on_the_wire)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \r\n\t\r\n"])
def test_a_body_of_empty_lines_is_no_body(body):
    assert body_hash(body, start=0) == hashlib.sha256(b"").digest()


def test_a_body_that_begins_beyond_the_end_is_empty():
    assert body_hash(b"A: 1\r\n", start=8) == hashlib.sha256(b"").digest()
