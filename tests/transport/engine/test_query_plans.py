"""What the hot path asks of SQLite is answered by an index in its own order, however long a queue is."""

import pytest
from django.utils import timezone

from tests.support.engine import accept, connector, server
from transport.models import QueuedMessage
from transport.queue import claims

pytestmark = pytest.mark.django_db


def test_a_claim_sorts_nothing():
    server()
    connector()
    queued = QueuedMessage.objects.get(message=accept("bob@fabrikam.test"))
    due = claims._claimable(queued.queue_id, now=timezone.now())
    plan = due.order_by("state", "priority", "next_attempt_at", "pk")[:10].explain()

    assert "queued_due (queue_id=? AND state=? AND priority=? AND next_attempt_at<?)" in plan
    assert "TEMP B-TREE" not in plan
