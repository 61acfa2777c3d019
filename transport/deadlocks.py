"""Two transactions that wait for each other: PostgreSQL ends one of them, and that one simply comes again."""

import functools
import logging
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

logger = logging.getLogger(__name__)
TRIES = 5
_FOUND_OUT = {"40P01", "40001"}
"""deadlock_detected, serialization_failure: nothing of the transaction was done."""
P = ParamSpec("P")
R = TypeVar("R")


def again(work: Callable[P, R]) -> Callable[P, R]:
    """Decorate what is one transaction: it is tried again when a deadlock ended it.

    Within a larger transaction the error goes on to whoever can begin that anew.
    """

    @functools.wraps(work)
    def several_times(*args: P.args, **kwargs: P.kwargs) -> R:
        for tried in range(1, TRIES):
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not is_deadlock(error):
                    raise
                logger.info("deadlock_tried_again", extra={"what": work.__name__, "tried": tried})
                time.sleep(random.uniform(0.01, 0.05) * tried)  # noqa: S311 - keeps two apart
        return work(*args, **kwargs)

    return several_times


def is_deadlock(error: OperationalError) -> bool:
    """Whether the database found two transactions waiting for each other."""
    return getattr(error.__cause__, "sqlstate", None) in _FOUND_OUT
