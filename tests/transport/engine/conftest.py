"""The engine of a worker, without Celery."""

import pytest

from tests.support.engine import engine_of_a_worker, server


@pytest.fixture
def engine(tmp_path):
    server()
    with engine_of_a_worker(tmp_path) as engine:
        yield engine
