"""The page of one message, while it waits and after it ended, and its export."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support import queued_mail
from transport.models import Content, Message, QueuedMessage, Recipient
from transport.states import RecipientState

pytestmark = pytest.mark.django_db


def page(client, message, query=""):
    response = client.get(f"/mail-flow/queues/messages/{message.pk}/{query}")
    assert response.status_code == 200
    return response


@pytest.fixture
def queued():
    """A message that was tried twice."""
    queue = queued_mail.queue_in_retry("fabrikam.com")
    one = queued_mail.message(
        queue,
        "bob@fabrikam.com",
        "eve@fabrikam.com",
        subject="Figures",
        internet_message_id="<1@contoso.com>",
        client_address="192.0.2.7",
        client_name="office.contoso.com",
        source="SMTP:Default",
        content=[b"Subject: Figures\r\n", b"\r\nHello.\r\n"],
    )
    queued_mail.attempt(one.message)
    queued_mail.attempt(
        one.message,
        stage="DOT",
        text="Connection lost",
        in_doubt=True,
        tls="TLSv1.3 with mx.fabrikam.com",
        tls_policy="MTA-STS",
        at=timezone.now() - timedelta(hours=2),
    )
    return one


def test_the_page_tells_the_envelope_the_queues_the_recipients_and_the_attempts(client, queued):
    text = page(client, queued.message).text

    for fact in (
        "Figures",
        "anna@contoso.com",
        "&lt;1@contoso.com&gt;",
        "192.0.2.7",
        "office.contoso.com",
        "SMTP:Default",
        queued_mail.message(queued.queue).queue.server.name,
        "bob@fabrikam.com",
        "eve@fabrikam.com",
        "Waiting: 2",
        "mx.fabrikam.com",
        "192.0.2.25:25",
        "421 4.4.1 Connection refused",
        "at CONNECT",
        "No answer came to the final dot: a second copy may arrive.",
        "TLSv1.3 with mx.fabrikam.com",
        "TLS policy: MTA-STS",
        "Internet, version 7",
        "2 hours ago",
    ):
        assert fact in text


def test_the_latest_attempt_stands_first_and_only_spoken_ones_were_in_the_clear(client, queued):
    queued_mail.attempt(queued.message, stage="RCPT", at=timezone.now())

    attempts = page(client, queued.message).context["message"].attempts.rows

    assert [(row.stage, row.in_clear) for row in attempts] == [
        ("RCPT", True),
        ("CONNECT", False),
        ("DOT", False),
    ]


def test_a_message_in_two_queues_lists_both(client, queued):
    other = queued_mail.queue("contoso.de", at="E15MB2")
    now = timezone.now()
    QueuedMessage.objects.create(
        message=queued.message, queue=other, next_attempt_at=now, entered_at=now, expires_at=now
    )

    rows = page(client, queued.message).context["message"].queued

    assert [row.next_hop for row in rows] == ["fabrikam.com", "contoso.de"]


def test_an_ended_message_is_still_there_and_says_so(client, queued):
    message = queued.message
    recipients = Recipient.objects.filter(message=message)
    recipients.update(
        state=RecipientState.DELIVERED,
        queued_message_id=None,
        last_reply="250 2.0.0 OK",
        ended_at=timezone.now(),
    )
    recipients.filter(address__startswith="eve").update(
        state=RecipientState.FAILED, last_reply="550 5.1.1 No such user"
    )
    queued.delete()

    text = page(client, message).text

    assert "This message has ended" in text
    for fact in ("Delivered: 1", "Failed: 1", "550 5.1.1 No such user", "250 2.0.0 OK"):
        assert fact in text
    assert "remove with NDR" not in text


def test_many_recipients_stand_on_pages(client):
    queued = queued_mail.message(queued_mail.queue(), *(f"r{n:03}@fabrikam.com" for n in range(201)))

    first, second = page(client, queued.message), page(client, queued.message, "?recipients=2")

    assert "r199@" in first.text
    assert "r200@" not in first.text
    assert [row.address for row in second.context["message"].recipients.rows] == ["r200@fabrikam.com"]


def test_a_refresh_brings_the_page_only_when_something_changed(client, htmx, queued):
    address = f"/mail-flow/queues/messages/{queued.message_id}/"
    seen = page(client, queued.message).context["version"]
    assert htmx.refresh(address, "message", seen=seen).status_code == 204

    queued_mail.attempt(queued.message)

    assert "Attempts" in htmx.refresh(address, "message", seen=seen).text


def test_a_message_that_is_not_there(client, htmx):
    assert client.get("/mail-flow/queues/messages/99/").status_code == 404
    response = htmx.refresh("/mail-flow/queues/messages/99/", "message", seen="x")
    assert response.status_code == 286
    assert "This message is gone" in response.text


def test_hostile_text_is_shown_as_text(client):
    evil = "<script>alert(1)</script>\u202e"
    queued = queued_mail.message(
        queued_mail.queue(),
        f"{evil}@x.test",
        subject=evil,
        mail_from=evil,
        client_name=evil,
        internet_message_id=evil,
        source=evil,
    )
    queued_mail.attempt(
        queued.message,
        text=evil,
        host=evil,
        address=evil,
        tls=evil,
        outcome="<b>",
        stage="<b>",
        connector_name=evil,
    )
    Recipient.objects.update(last_reply=evil, state=77)
    Message.objects.update(original_from=evil)

    text = page(client, queued.message).text

    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 8
    assert "Unknown" in text


def test_an_export_is_the_stored_bytes_as_a_file(client, queued):
    response = client.get(f"/mail-flow/queues/export/{queued.pk}/")

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == b"Subject: Figures\r\n\r\nHello.\r\n"
    assert response["Content-Type"] == "message/rfc822"
    assert response["Content-Disposition"] == f'attachment; filename="{queued.message_id}.eml"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_export_of_what_is_not_there_is_not_found(client, queued):
    assert client.get("/mail-flow/queues/export/999/").status_code == 404
    Content.objects.all().delete()
    assert client.get(f"/mail-flow/queues/export/{queued.pk}/").status_code == 404


def test_the_page_asks_the_database_little(client, django_assert_max_num_queries):
    queued = queued_mail.message(queued_mail.queue(), *(f"r{n}@fabrikam.com" for n in range(150)))
    for _ in range(50):
        queued_mail.attempt(queued.message)

    with django_assert_max_num_queries(16):
        page(client, queued.message)
