"""Rings are gathered, and a queue that was rung for is left alone for a moment."""

from transport.bell import REST_S, _Rings

SERVER = "E15MB1"


def rung(rings: _Rings, *, now: float) -> dict[str, list[int]]:
    return dict(rings._due(now=now))


def test_the_first_ring_for_a_queue_goes_out_at_once():
    rings = _Rings()
    rings.add(SERVER, 1, 0)
    rings.add(SERVER, 1, 0)
    rings.add(SERVER, 2, 0)

    assert rung(rings, now=100.0) == {SERVER: [1, 2]}
    assert not rings.waiting


def test_the_next_ring_for_the_same_queue_is_held_back_and_not_lost():
    rings = _Rings()
    rings.add(SERVER, 1, 0)
    rung(rings, now=100.0)
    rings.add(SERVER, 1, 0)
    rings.add(SERVER, 2, 0)

    assert rung(rings, now=100.0 + REST_S / 2) == {SERVER: [2]}
    assert rings.waiting
    assert rung(rings, now=100.0 + REST_S) == {SERVER: [1]}
