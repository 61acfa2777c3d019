"""The engine of a worker, without Celery."""

import pytest

from tests.support.engine import WORKER, send_log, server
from transport import outcomes
from transport.concurrency import Limits
from transport.engine import Engine


@pytest.fixture
def engine(tmp_path):
    server()
    ledger = outcomes.ledger()
    yield Engine(
        ledger=ledger,
        worker=WORKER,
        limits=Limits,
        own_listeners=(),
        ring=lambda _queue_id, _sessions: None,
        protocol_log=send_log(tmp_path),
        open_sessions=set(),
        stopping=lambda: False,
        linger=0,
    )
    ledger.stop()
