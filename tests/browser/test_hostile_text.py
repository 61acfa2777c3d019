"""What strangers wrote, in every field that a page shows: no script runs, nothing becomes markup."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.support import queued_mail
from transport.models import Message, Recipient

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
QUEUES = "/mail-flow/queues/"
COMPOSE = "/mail-flow/test-message/"
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'-alert(3)-'",
    "</title></textarea><svg onload=alert(4)>",
    "javascript:alert(5)",
    "{{ 7 }}{% debug %}${alert(6)}",
)
EVIL = "".join(PAYLOADS)


@pytest.fixture
def stored():
    """A queue and a message that hold the payloads in every field that takes text."""
    queue = queued_mail.queue_in_retry(
        f"{EVIL}.test", connector_name=EVIL, last_error=f"451 {EVIL}", last_error_host=EVIL
    )
    waiting = queued_mail.message(
        queue,
        f"{EVIL}@fabrikam.test",
        subject=EVIL,
        mail_from=f"{EVIL}@x.test",
        client_name=EVIL,
        client_address=EVIL[:39],
        internet_message_id=f"<{EVIL}>",
        source=EVIL[:64],
        more={"last_error": f"451 {EVIL}"},
    )
    queued_mail.attempt(
        waiting.message, text=EVIL, host=EVIL, address=EVIL[:64], tls=EVIL, connector_name=EVIL[:64]
    )
    Recipient.objects.update(last_reply=f"550 {EVIL}")
    Message.objects.update(original_from=EVIL)
    return queue, waiting


def made_of_payloads(page):
    """What a payload that became markup would be."""
    return page.locator("img[src=x], svg[onload], [onerror], [href^='javascript:']").count()


def test_no_stored_payload_runs_on_a_list_a_queue_a_message_or_a_question(console, stored):
    queue, waiting = stored
    page = console.page
    found = []
    for path in ("", f"messages/{waiting.message_id}/", f"{queue.pk}/"):
        console.open(QUEUES + path)
        expect(page.get_by_text("<script>alert(1)</script>").first).to_be_attached()
        found.append(made_of_payloads(page))
    page.locator("tbody input[type=checkbox]").first.check()
    page.get_by_role("button", name="remove with NDR").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found.append(made_of_payloads(page))

    assert found == [0, 0, 0, 0]


def test_no_payload_in_an_address_or_in_a_form_runs(console, make):
    make("Internet")
    page = console.page
    names = ("next_hop", "identity", "status", "filter", "order", "page")
    console.open(f"{QUEUES}?{'&'.join(f'{name}={quote(EVIL)}' for name in names)}")
    found = [made_of_payloads(page)]
    console.open(COMPOSE)
    for field in page.locator("form.fields").get_by_role("textbox").all():
        field.fill(EVIL)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_attached()
    found.append(made_of_payloads(page))
    assert not Message.objects.exists()

    page.get_by_role("textbox", name="From (required)").fill("anna@contoso.test")
    page.get_by_role("textbox", name="To (required)").fill("bob@fabrikam.test")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    found.append(made_of_payloads(page))

    assert found == [0, 0, 0]
