"""What a change does to waiting mail, by clicking: edit, see it, save, go back."""

import pytest
from playwright.sync_api import expect

from connectors.address_spaces import parse
from connectors.models import SendConnector
from tests.browser.test_connector_history import barriers
from tests.support import queued_mail

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
LIST = "/mail-flow/send-connectors/"


@pytest.fixture
def internet(make):
    """A connector for every domain, and mail that waits for it, for a domain with a very long name too."""
    connector = make("Internet")
    for domain in ("fabrikam.com", f"{'w' * 60}.{'x' * 60}.{'y' * 60}.adatum.com"):
        queue = queued_mail.queue(domain)
        for _ in range(3):
            queued_mail.message(queue)
    make("W" * 64, address_spaces=(parse("*;50"),))
    return connector


def test_a_change_is_weighed_saved_and_taken_back(console, internet):
    page = console.page
    dialog = page.get_by_role("dialog")
    details = page.get_by_role("complementary", name="Details")
    console.open(f"{LIST}{internet.pk}/edit/")
    dialog.get_by_role("link", name="scoping").click()
    dialog.get_by_role("textbox", name="Domain of address space 1").fill("contoso.com")
    dialog.get_by_role("link", name="security").click()
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_role("heading", name="What this changes")).to_be_visible()
    expect(dialog.get_by_text("6 waiting messages take another way.")).to_be_visible()
    found = barriers(console)
    dialog.get_by_role("button", name="Back").click()
    dialog.get_by_role("link", name="scoping").click()
    expect(dialog.get_by_role("textbox", name="Domain of address space 1")).to_have_value("contoso.com")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("was saved")

    details.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    page.get_by_role("button", name="Go back to version 1").click()
    expect(dialog.get_by_text("6 waiting messages take another way.")).to_be_visible()
    found += barriers(console)
    dialog.get_by_role("textbox", name="Reason").fill("Too early")
    dialog.get_by_role("button", name="Go back").click()
    expect(page.get_by_role("status")).to_contain_text("has the settings of version 1 again")
    assert [str(row) for row in SendConnector.objects.get(name="Internet").address_spaces.all()] == [
        "SMTP:*;1"
    ]
    assert found == []


def test_disabling_and_deleting_say_what_becomes_of_the_mail(console, internet):
    SendConnector.objects.exclude(pk=internet.pk).delete()
    page = console.page
    dialog = page.get_by_role("dialog")
    console.open(LIST)
    page.get_by_label("Select Internet").check()
    page.get_by_role("complementary", name="Details").get_by_role("button", name="Disable").click()
    expect(dialog.get_by_text("6 waiting messages become unreachable")).to_be_visible()
    found = barriers(console)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert SendConnector.objects.get().enabled

    page.get_by_label("Select Internet").check()
    page.get_by_role("button", name="delete").click()
    expect(dialog.get_by_text("6 waiting messages become unreachable")).to_be_visible()
    found += barriers(console)
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("1 send connector removed.")
    assert found == []
