"""What a ring means where sessions look after a queue already."""

import threading

from transport.attendance import Attendance

QUEUE = 7


def attended(sessions: int = 1) -> Attendance:
    attendance = Attendance()
    for _ in range(sessions):
        attendance.arrive(QUEUE)
    return attendance


def test_a_queue_without_a_session_needs_one():
    assert not Attendance().answer(QUEUE)


def test_a_ring_wakes_an_idle_session():
    attendance = attended()
    woken: list[bool] = []
    idle = threading.Thread(target=lambda: woken.append(attendance.wait(QUEUE, seconds=30)))
    idle.start()
    while not attendance.wake(QUEUE):
        pass
    idle.join(10)

    assert woken == [True]


def test_a_busy_session_looks_again_before_it_goes():
    attendance = attended()

    assert attendance.answer(QUEUE)
    assert attendance.wait(QUEUE, seconds=0)
    assert not attendance.wait(QUEUE, seconds=0)


def test_a_ring_that_the_last_session_did_not_hear_is_for_somebody_else():
    attendance = attended(sessions=2)
    attendance.answer(QUEUE)

    assert [attendance.leave(QUEUE), attendance.leave(QUEUE)] == [False, True]
    assert not attendance.answer(QUEUE)


def test_who_waited_in_vain_is_not_woken_later():
    attendance = attended()
    attendance.wait(QUEUE, seconds=0)

    assert not attendance.wake(QUEUE)


def test_a_queue_counts_as_reachable_while_a_session_that_came_through_or_its_helpers_look_after_it():
    attendance = attended(sessions=2)
    assert not attendance.is_connected(QUEUE)
    attendance.note_connected(QUEUE)
    attendance.leave(QUEUE)
    assert attendance.is_connected(QUEUE)
    attendance.leave(QUEUE)

    assert not attendance.is_connected(QUEUE)


def test_the_sessions_of_several_queues_are_counted_together():
    attendance = attended(sessions=2)
    attendance.arrive(8)

    assert attendance.sessions([QUEUE, 8, 9]) == 3


def test_a_ring_for_a_queue_whose_sessions_reach_their_host_and_are_busy_is_told():
    attendance = attended()
    attendance.answer(QUEUE)
    assert attendance.busy_queues(seconds=0) == set()
    attendance.note_connected(QUEUE)
    assert attendance.busy_queues(seconds=30) == {QUEUE}
    attendance.answer(QUEUE)

    assert attendance.busy_queues(seconds=30) == {QUEUE}
    assert attendance.busy_queues(seconds=0) == set()
