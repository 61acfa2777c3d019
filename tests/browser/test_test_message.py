"""An administrator sends a test message and watches it."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import barriers
from tests.support import queued_mail
from transport.models import Message, QueuedMessage, Recipient
from transport.states import RecipientState

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
PAGE = "/mail-flow/test-message/"


def send(page, to="bob@fabrikam.test"):
    page.get_by_role("textbox", name="To (required)").fill(to)
    page.get_by_role("button", name="Send").click()


def test_a_message_is_sent_and_its_page_follows_it_to_the_reply(console, make):
    make("Internet")
    page = console.page
    console.open("/mail-flow/queues/")
    page.get_by_role("link", name="send test message").click()
    expect(page.get_by_role("heading", name="Send a test message")).to_be_visible()
    page.get_by_label("Subject").fill("Does it arrive?")
    send(page)

    expect(page.get_by_text("The test message was accepted.")).to_be_visible()
    expect(page.get_by_role("heading", name="Does it arrive?")).to_be_visible()
    expect(page.locator("#waiting tbody tr")).to_contain_text("Ready")
    expect(page.get_by_text("No host has been tried yet.")).to_be_visible()

    message = Message.objects.get()
    said = "250 2.0.0 Queued as 4711"
    queued_mail.attempt(
        message, outcome="delivered", stage="DOT", code=250, enhanced="2.0.0", text="Queued as 4711"
    )
    Recipient.objects.update(state=RecipientState.DELIVERED, last_reply=said, queued_message_id=None)
    QueuedMessage.objects.all().delete()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('list-changed'))")

    expect(page.locator("#recipients tbody tr")).to_contain_text(said)
    expect(page.locator("#attempts tbody tr")).to_contain_text("Delivered")
    expect(page.get_by_text("This message has ended")).to_be_visible()


def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(console):
    page = console.page
    console.open(PAGE)
    page.get_by_label("Subject").fill("Kept")
    send(page, to="bob")

    expect(page.get_by_text("To bob: The address needs a domain.")).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("Kept")
    expect(page.get_by_role("textbox", name="To (required)")).to_have_attribute("aria-invalid", "true")


def test_enter_sends_and_cancel_leaves(console):
    page = console.page
    console.open("/mail-flow/send-connectors/")
    page.get_by_role("link", name="send test message").click()
    page.get_by_role("textbox", name="To (required)").fill("bob@fabrikam.test")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The test message was accepted.")).to_be_visible()

    console.open(PAGE)
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(console.address + "/mail-flow/queues/")


def test_it_works_without_javascript(chromium, console):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    context.add_cookies(console.page.context.cookies())
    page = context.new_page()
    page.goto(console.address + PAGE)
    send(page)

    expect(page.get_by_text("The test message was accepted.")).to_be_visible()
    assert Message.objects.count() == 1
    context.close()


def test_axe_finds_nothing_with_and_without_errors(console):
    console.open(PAGE)
    found = barriers(console)
    console.page.get_by_role("textbox", name="From (required)").fill("")
    send(console.page, to="bob")
    console.page.get_by_text("To bob: The address needs a domain.").wait_for()

    assert found + barriers(console) == []
