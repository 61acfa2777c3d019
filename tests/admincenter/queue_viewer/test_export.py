"""Lists as CSV: all that matches, streamed, and no cell is a formula."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from admincenter.queue_viewer import exporting
from tests.support import queued_mail
from transport.models import QueuedMessage
from transport.states import QueuedState

pytestmark = [pytest.mark.django_db, pytest.mark.state]
QUEUES = "/mail-flow/queues/"


def exported(client, address, **query):
    response = client.get(address, query)
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    return response, list(csv.DictReader(io.StringIO(content)))


def test_all_queues_that_match_are_exported(client, monkeypatch):
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    retry = queued_mail.queue_in_retry("fabrikam.com", message_count=3, incoming_rate=2.5)
    for number in range(5):
        queued_mail.queue(f"d{number}.test", message_count=7)
    response, rows = exported(client, f"{QUEUES}export/")
    _, few = exported(client, f"{QUEUES}export/", filter="MessageCount -lt 7", next_hop="fab", page="9")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="queues-')
    assert [row["NextHopDomain"] for row in rows] == ["fabrikam.com", *(f"d{n}.test" for n in range(5))]
    assert [row["Identity"] for row in few] == [retry.identity]
    assert (few[0]["Status"], few[0]["MessageCount"], few[0]["Velocity"]) == ("Retry", "3", "-2.5")
    assert few[0]["NextRetryTime (UTC)"] == f"{retry.next_retry_at:%Y-%m-%d %H:%M:%S}"


def test_all_messages_of_a_queue_that_match_are_exported(client, monkeypatch):
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    queue = queued_mail.queue("fabrikam.com")
    queued_mail.message(queued_mail.queue("other.test"), subject="not this")
    for number in range(5):
        queued_mail.message(queue, "bob@fabrikam.com", "eve@fabrikam.com", subject=f"m{number}")
    queued_mail.message(queue, subject="held", mail_from="", state=QueuedState.SUSPENDED)
    address = f"{QUEUES}{queue.pk}/messages/export/"

    response, rows = exported(client, address)
    _, held = exported(client, address, status="Suspended")
    _, last = exported(client, address, filter="Subject -eq 'm4'")

    assert response["Content-Disposition"].startswith(f'attachment; filename="messages-{queue.pk}-')
    assert [row["Subject"] for row in rows] == ["m0", "m1", "m2", "m3", "m4", "held"]
    assert (rows[0]["Recipient"], rows[0]["RecipientCount"]) == ("bob@fabrikam.com", "2")
    assert [(row["Subject"], row["FromAddress"], row["Status"]) for row in held] == [
        ("held", "<>", "Suspended")
    ]
    assert [row["Subject"] for row in last] == ["m4"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(client, start):
    evil = f"{start}HYPERLINK(1)"
    queue = queued_mail.queue(evil, last_error=evil, connector_name=evil)
    queued_mail.message(queue, evil, subject=evil, mail_from=evil, internet_message_id=evil)
    _, (row,) = exported(client, f"{QUEUES}export/")
    _, (message,) = exported(client, f"{QUEUES}{queue.pk}/messages/export/")

    assert row["LastError"] == row["NextHopDomain"] == row["NextHopConnector"] == f"'{evil}"
    assert message["Subject"] == message["FromAddress"] == message["Recipient"] == f"'{evil}"


def test_what_is_in_memory_does_not_grow_with_the_list(client):
    queue = queued_mail.queue("fabrikam.com")
    first = queued_mail.message(queue)
    now = timezone.now()
    fields = {"next_attempt_at": now, "entered_at": now, "expires_at": now + timedelta(days=2)}
    QueuedMessage.objects.bulk_create(
        QueuedMessage(message=first.message, queue=queue, **fields) for _ in range(2 * exporting.AT_ONCE)
    )
    response = client.get(f"{QUEUES}{queue.pk}/messages/export/")
    pieces = iter(response.streaming_content)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        next(pieces)
        next(pieces)

    assert 0 < len(asked) <= 5
    assert sum(piece.count(b"\n") for piece in pieces) > exporting.AT_ONCE


def test_a_wrong_filter_is_told_on_the_page_and_nothing_is_exported(client):
    queue = queued_mail.queue()
    for address in (f"{QUEUES}export/", f"{QUEUES}{queue.pk}/messages/export/"):
        page = client.get(address, {"filter": "Colour -eq 'red'"}, follow=True)

        assert page.status_code == 422
        assert "there is no property Colour" in page.text


def test_the_page_leads_to_the_export_with_its_filter(client):
    queue = queued_mail.queue("fabrikam.com", message_count=1)
    queued_mail.message(queue)

    assert f'href="{QUEUES}export/?next_hop=fab"' in client.get(f"{QUEUES}?next_hop=fab").text
    assert f'href="{QUEUES}{queue.pk}/messages/export/"' in client.get(f"{QUEUES}{queue.pk}/").text


def test_who_may_not_look_may_not_export():
    queue = queued_mail.queue()
    nobody = Client()
    nobody.force_login(get_user_model().objects.create_user("nobody", password="x" * 20))
    for address in (f"{QUEUES}export/", f"{QUEUES}{queue.pk}/messages/export/"):
        assert Client().get(address).status_code == 302
        assert nobody.get(address).status_code == 403


def test_a_queue_that_is_gone_has_no_export(client):
    assert client.get(f"{QUEUES}99/messages/export/").status_code == 404
