"""Round robin over smart hosts."""

from collections import Counter

from transport.destinations.rotation import MAX_LISTS, Rotation

HOSTS = ("a.test", "b.test", "c.test")


def test_each_smart_host_is_first_in_its_turn():
    rotation = Rotation()

    firsts = [rotation.order(HOSTS)[0] for _ in range(6)]

    assert firsts[:3] == firsts[3:]
    assert set(firsts) == set(HOSTS)


def test_every_session_gets_all_smart_hosts_in_the_order_of_the_list():
    for order in (Rotation().order(HOSTS) for _ in range(10)):
        start = HOSTS.index(order[0])
        assert order == HOSTS[start:] + HOSTS[:start]


def test_the_first_pick_is_random():
    firsts = Counter(Rotation().order(HOSTS)[0] for _ in range(300))

    assert all(firsts[host] > 50 for host in HOSTS)


def test_a_list_of_one_and_an_empty_list_need_no_turn():
    rotation = Rotation()

    assert rotation.order(("a.test",)) == rotation.order(("a.test",)) == ("a.test",)
    assert rotation.order(()) == ()


def test_lists_do_not_disturb_each_other():
    rotation = Rotation()
    first = rotation.order(HOSTS)[0]
    for _ in range(7):
        rotation.order(("x.test", "y.test"))

    assert rotation.order(HOSTS)[0] == HOSTS[(HOSTS.index(first) + 1) % 3]


def test_only_so_many_lists_are_remembered():
    rotation = Rotation()
    for number in range(MAX_LISTS + 10):
        rotation.order((f"h{number}.test", "other.test"))

    assert len(rotation._turns) == MAX_LISTS
