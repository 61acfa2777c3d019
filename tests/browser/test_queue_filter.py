"""An administrator narrows the queues in Exchange's syntax, and puts a filter together by hand."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import barriers
from tests.support import queued_mail

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUES = "/mail-flow/queues/"


@pytest.fixture
def queues():
    """Three queues in Retry, one with a long name."""
    for name, count in (("fabrikam.com", 300), ("contoso.de", 20), (f"{'x' * 60}.{'y' * 60}.litware.com", 1)):
        queued_mail.queue_in_retry(name, message_count=count)


def rows(console):
    return console.page.locator("tbody tr")


def box(console):
    return console.page.get_by_label("Filter", exact=True).and_(console.page.locator("input"))


@pytest.mark.usefixtures("queues")
def test_a_filter_is_built_by_hand(console):
    console.open(QUEUES)
    console.page.get_by_text("Build a filter").click()
    console.page.get_by_label("Property").select_option("MessageCount")
    expect(console.page.get_by_role("option", name="contains")).to_be_hidden()
    console.page.get_by_label("Operator").select_option("-gt")
    console.page.get_by_label("Value").fill("10")
    console.page.keyboard.press("Enter")

    expect(box(console)).to_have_value("MessageCount -gt 10")
    expect(rows(console)).to_have_count(2)

    console.page.get_by_label("Property").select_option("NextHopDomain")
    console.page.get_by_label("Operator").select_option("-like")
    console.page.get_by_label("Value").fill("fab")
    console.page.get_by_role("button", name="Add condition").click()

    expect(box(console)).to_have_value("MessageCount -gt 10 -and NextHopDomain -like '*fab*'")
    expect(rows(console)).to_have_count(1)


@pytest.mark.usefixtures("queues")
def test_a_mistake_is_told_at_the_box_while_list_picks_and_text_stay(console):
    console.open(QUEUES)
    rows(console).first.get_by_role("checkbox").check()
    box(console).fill("MessageCount -gt many")
    console.page.keyboard.press("Enter")

    expect(console.page.get_by_role("alert")).to_contain_text("character 18: MessageCount is a number")
    expect(box(console)).to_have_value("MessageCount -gt many")
    expect(box(console)).to_be_focused()
    expect(rows(console)).to_have_count(3)
    expect(console.page.locator("tbody .pick:checked")).to_have_count(1)
    expect(console.page).to_have_url(console.address + QUEUES)

    box(console).fill("MessageCount -gt 100")
    console.page.keyboard.press("Enter")

    expect(rows(console)).to_have_count(1)
    expect(console.page.get_by_role("alert")).to_have_count(0)
    expect(console.page.locator("tbody .pick:checked")).to_have_count(1)


@pytest.mark.usefixtures("queues")
def test_the_builder_keeps_what_was_filtered_meanwhile(console):
    console.open(QUEUES)
    console.page.get_by_label("Next hop domain contains").type("contoso")
    expect(rows(console)).to_have_count(1)
    box(console).fill("MessageCount -gt 1")
    console.page.get_by_text("Build a filter").click()
    console.page.get_by_label("Property").select_option("Status")
    console.page.get_by_label("Value").fill("Retry")
    console.page.keyboard.press("Enter")

    expect(box(console)).to_have_value("MessageCount -gt 1 -and Status -eq 'Retry'")
    expect(console.page.get_by_label("Next hop domain contains")).to_have_value("contoso")


@pytest.mark.usefixtures("queues")
def test_the_filter_and_its_builder_have_no_barriers(console):
    console.open(f"{QUEUES}?filter=Status+-eq+'Happy'#builder-value")
    found = barriers(console)
    console.open(f"{QUEUES}?filter=MessageCount+-gt+5")

    assert found + barriers(console) == []


@pytest.mark.usefixtures("queues")
def test_what_is_filtered_is_exported(console):
    console.open(QUEUES)
    box(console).fill("MessageCount -gt 100")
    console.page.keyboard.press("Enter")
    expect(rows(console)).to_have_count(1)
    with console.page.expect_download() as download:
        console.page.get_by_role("link", name="Export all of them as CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()

    assert download.value.suggested_filename.startswith("queues-")
    assert [line.split(",")[4] for line in lines] == ["NextHopDomain", "fabrikam.com"]
