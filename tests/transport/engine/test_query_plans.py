"""What the hot path asks of SQLite is answered by an index in its own order, however long a queue is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.engine import LIMITS, accept, connector, server
from transport.bulk import moment
from transport.models import Queue
from transport.queue import claimed, demand

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue() -> Queue:
    server()
    connector()
    accept("bob@fabrikam.test")
    return Queue.objects.get()


def plan_of(asked: CaptureQueriesContext) -> str:
    return plan_of_statement(asked.captured_queries[0]["sql"])


def plan_of_statement(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return "\n".join(row[3] for row in cursor.fetchall())


def test_a_claim_sorts_nothing(queue):
    with CaptureQueriesContext(connection) as asked:
        found = claimed.due(queue.pk, most=10, now=timezone.now())
    plan = plan_of(asked)

    assert len(found) == 1
    assert "queued_due (queue_id=? AND state=? AND priority=? AND next_attempt_at<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_a_claim_beside_a_backlog_sorts_nothing_either(queue):
    with CaptureQueriesContext(connection) as asked:
        claimed.due(queue.pk, most=10, now=timezone.now(), backlog_until=moment(timezone.now()))
    plans = [plan_of_statement(query["sql"]) for query in asked.captured_queries]

    assert len(plans) == 9
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def test_the_demand_of_all_queues_is_one_statement_over_the_same_index(queue):
    with CaptureQueriesContext(connection) as asked:
        found = demand.demands(queue.server_id, limits=LIMITS, now=timezone.now())
    plan = plan_of(asked)

    assert [(one.queue_id, one.sessions) for one in found] == [(queue.pk, 1)]
    assert "queued_due (queue_id=? AND state=? AND priority=? AND next_attempt_at<?)" in plan
