"""Fixtures that every folder of tests may use."""

import pytest

from tests.support import ports
from transport import intervals


@pytest.fixture(autouse=True)
def _no_switches_from_another_test() -> None:
    intervals.forget()


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on."""
    return ports.free_port()
