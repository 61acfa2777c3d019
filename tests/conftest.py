"""Fixtures that every folder of tests may use."""

import pytest

from tests.support import ports


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on."""
    return ports.free_port()
