"""What sessions remember of hosts."""

from transport import host_memory
from transport.host_memory import HostMemory


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def order(memory: HostMemory) -> list[str]:
    return list(memory.order(["a:25", "b:25", "c:25"], name=str))


def test_a_host_that_has_just_failed_is_tried_last_for_a_while():
    clock = Clock()
    memory = HostMemory(clock)
    memory.note_failure("a:25")

    assert order(memory) == ["b:25", "c:25", "a:25"]
    clock.now += host_memory.AVOIDED_FOR.total_seconds()
    assert order(memory) == ["a:25", "b:25", "c:25"]


def test_a_host_that_works_again_keeps_its_place():
    memory = HostMemory(Clock())
    memory.note_failure("a:25")
    memory.note_success("a:25")

    assert order(memory) == ["a:25", "b:25", "c:25"]


def test_hosts_that_all_failed_are_all_tried():
    memory = HostMemory(Clock())
    for host in ("a:25", "b:25", "c:25"):
        memory.note_failure(host)

    assert order(memory) == ["a:25", "b:25", "c:25"]


def test_a_host_that_answered_out_of_step_gets_one_command_at_a_time():
    memory = HostMemory(Clock())
    memory.note_out_of_step("a:25")

    assert not memory.keeps_step("a:25")
    assert memory.keeps_step("b:25")


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(host_memory, "REMEMBERED", 10)
    memory = HostMemory(Clock())
    for number in range(100):
        memory.note_out_of_step(f"{number}:25")

    assert memory.keeps_step("89:25")
    assert not memory.keeps_step("90:25")
