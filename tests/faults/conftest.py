"""One program for all tests of a file; each has a receiving server, a connector and a domain of its own."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.story import Story
from tests.support.program import Program


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """The whole program."""
    with Program() as running:
        yield running


@pytest.fixture
def story(program: Program) -> Iterator[Callable[..., Story]]:
    """Begin a story: `story("dot")`."""
    begun: list[Story] = []

    def begin(name: str) -> Story:
        begun.append(Story(program, name))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()
