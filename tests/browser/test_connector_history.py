"""The history of a send connector by clicking."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from connectors import credentials, services
from connectors.address_spaces import parse
from connectors.models import SendConnector
from connectors.profiles import Delivery, SmartHostAuth
from connectors.services import spec_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
LIST = "/mail-flow/send-connectors/"
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 390)]


def barriers(console):
    """Look at the page as it is, in both themes, wide and narrow; it ends wide."""
    found = []
    for theme, width in reversed(LOOKS):
        console.page.emulate_media(color_scheme=theme)
        console.page.set_viewport_size({"width": width, "height": 840})
        found += [f"{theme} {width}: {barrier}" for barrier in console.find_barriers()]
        overflow = console.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{width}: the page is {overflow} px too wide"] if overflow > 0 else []
    return found


def change(connector, **fields):
    """Change settings of a stored connector."""
    stored = SendConnector.objects.get(pk=connector.pk)
    spec = replace(spec_of(stored), **fields)
    return services.change(connector.pk, spec, actor="bert", expected_version=None, reason="Ticket 42")


def test_a_change_is_made_seen_in_the_history_and_taken_back(console, make):
    make("Internet")
    page = console.page
    details = page.get_by_role("complementary", name="Details")
    console.open(LIST)
    page.get_by_label("Select Internet").check()
    details.get_by_role("link", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Comment").fill("To everyone")
    dialog.get_by_role("textbox", name="Reason for this change").fill("Ticket 42")
    dialog.get_by_role("button", name="Save").click()
    details.get_by_role("link", name="History").click()

    expect(page.get_by_role("heading", name="History of Internet")).to_be_visible()
    expect(page.get_by_text("Comment: empty → To everyone")).to_be_visible()
    expect(page.get_by_text("“Ticket 42”")).to_be_visible()
    found = barriers(console)
    page.get_by_role("link", name="Version 1", exact=True).click()
    found += barriers(console)
    page.get_by_role("button", name="Go back to version 1").click()

    expect(page.get_by_role("status")).to_contain_text("has the settings of version 1 again")
    assert SendConnector.objects.get().comment == ""
    details.get_by_role("link", name="History").click()
    expect(page.get_by_text("Reverted to version 1")).to_be_visible()
    page.get_by_label("Compare from version 1").check()
    page.get_by_role("button", name="compare").click()
    expect(details.get_by_text("The settings are the same.")).to_be_visible()
    assert found == []


def test_a_long_history_with_hostile_texts_keeps_its_shape_and_asks_for_the_password(console, make):
    connector = make("W" * 64, delivery=Delivery.SMART_HOST, smart_hosts=("relay.contoso.com",))
    sealed = credentials.seal("hunter2", guid=connector.guid)
    change(connector, auth=SmartHostAuth.BASIC, username="u" * 200, sealed_password=sealed)
    hosts = tuple(f"relay{number}.{'x' * 60}.contoso.com" for number in range(9))
    spaces = tuple(parse(f"{'y' * 60}{number}.contoso.com") for number in range(9))
    change(connector, smart_hosts=hosts, address_spaces=spaces, sealed_password=sealed, comment="<b>" * 200)
    console.open(f"{LIST}history/{connector.guid}/")
    found = barriers(console)
    console.open(f"{LIST}history/{connector.guid}/?to=2")
    console.page.get_by_role("button", name="Go back to version 2").click()

    dialog = console.page.get_by_role("dialog")
    expect(dialog.get_by_label("Password")).to_be_focused()
    found += barriers(console)
    dialog.get_by_label("Password").fill("hunter3")
    dialog.get_by_role("button", name="Go back").click()
    expect(console.page.get_by_role("status")).to_contain_text("has the settings of version 2 again")
    assert found == []
