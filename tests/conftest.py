"""Fixtures that every folder of tests may use."""

import pytest

from tests.support import ports
from transport import categorizer, intervals, servers


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on."""
    return ports.free_port()


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What a process remembers for seconds of its servers belongs to the test before."""
    servers.forget()
    categorizer.forget_servers()
    intervals.forget()
