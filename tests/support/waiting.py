"""Waits for what another process does: polls for a truth, with a deadline that says what did not happen."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(truth: Callable[[], T], *, what: str, seconds: float = 15.0) -> T:
    """Return the first true value of `truth()`; AssertionError names `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := truth()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return value
