"""The wizard "new send connector", clicked as a person does."""

import re

import pytest
from playwright.sync_api import expect

from connectors import credentials
from connectors.models import SendConnector
from connectors.services import spec_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
LIST = "/mail-flow/send-connectors/"


def press(page, name):
    """Press a button of the dialog."""
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def expect_page(page, title):
    """Wait for a page of the wizard."""
    expect(page.get_by_role("dialog").get_by_role("heading", level=1)).to_have_text(title)


def fill_to_source_servers(page, *, name="Internet"):
    """Click an MX connector up to its last page."""
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("Internet", exact=True).check()
    press(page, "Next")
    expect_page(page, "Network settings")
    press(page, "Next")
    expect_page(page, "Address space")
    page.get_by_role("textbox", name="Domain of address space 1").fill("*")
    press(page, "Next")
    expect_page(page, "Source server")


def test_the_empty_list_leads_to_an_mx_connector(console):
    page = console.page
    console.open(LIST)
    expect(page.get_by_text("Without a send connector no outbound mail flows")).to_be_visible()

    page.get_by_role("link", name="Create a send connector").click()
    expect_page(page, "Name and type")
    fill_to_source_servers(page)
    page.get_by_label("E15MB1").check()
    press(page, "Finish")

    expect(page.get_by_role("status")).to_contain_text("The send connector Internet was made")
    expect(page.get_by_role("row", name="Internet")).to_contain_text("Enabled")
    expect(page.get_by_role("complementary")).to_contain_text("MX record associated with recipient domain")
    spec = spec_of(SendConnector.objects.get())
    assert (spec.name, spec.usage, spec.delivery) == ("Internet", "Internet", "mx")
    assert [str(space) for space in spec.address_spaces] == ["SMTP:*;1"]
    assert spec.source_servers == ("E15MB1",)


def test_smart_hosts_with_basic_authentication_take_five_pages(console):
    page = console.page
    console.open(f"{LIST}new/")
    page.get_by_role("textbox", name="Name").fill("Provider relay")
    press(page, "Next")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("relay1.fabrikam.net")
    press(page, "add smart host")
    page.get_by_role("textbox", name="Smart host 2").fill("192.0.2.25")
    press(page, "add smart host")
    page.get_by_role("textbox", name="Smart host 3").fill("wrong host")
    press(page, "Remove smart host 3")
    expect(page.get_by_role("textbox", name="Smart host 3")).to_have_count(0)
    page.get_by_text("Advanced").click()
    page.get_by_role("textbox", name="Port").fill("587")
    press(page, "Next")
    expect_page(page, "Smart host authentication")
    page.get_by_label("Basic authentication", exact=True).check()
    page.get_by_role("textbox", name="User name").fill("contoso")
    page.get_by_role("textbox", name="Password").fill("correct horse")
    page.get_by_label("Offer basic authentication only after starting TLS").check()
    press(page, "Next")
    page.get_by_role("textbox", name="Domain of address space 1").fill("*.fabrikam.net")
    page.get_by_role("textbox", name="Cost of address space 1").fill("5")
    press(page, "add address space")
    page.get_by_role("textbox", name="Domain of address space 2").fill("bücher.example")
    page.get_by_label("Scoped send connector").check()
    press(page, "Next")
    press(page, "choose all")
    expect(page.get_by_label("E15MB3")).to_be_checked()
    press(page, "Finish")

    expect(page.get_by_role("status")).to_contain_text("Provider relay was made")
    connector = SendConnector.objects.get()
    spec = spec_of(connector)
    assert spec.smart_hosts == ("relay1.fabrikam.net", "192.0.2.25")
    assert (spec.port, spec.auth, spec.username) == (587, "BasicAuthRequireTLS", "contoso")
    assert credentials.open_sealed(connector.sealed_password, guid=connector.guid) == "correct horse"
    assert [str(space) for space in spec.address_spaces] == [
        "SMTP:*.fabrikam.net;5",
        "SMTP:xn--bcher-kva.example;1",
    ]
    assert spec.scoped
    assert spec.source_servers == ("E15MB1", "E15MB2", "E15MB3")


def test_the_keyboard_alone_makes_a_connector(console):
    page = console.page
    console.open(f"{LIST}new/")
    keys = page.keyboard
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    keys.type("By hand")
    keys.press("Enter")
    expect_page(page, "Network settings")
    expect(page.get_by_label("MX record associated with recipient domain")).to_be_focused()
    keys.press("Enter")
    expect_page(page, "Address space")
    keys.press("Tab")
    expect(page.get_by_role("textbox", name="Domain of address space 1")).to_be_focused()
    keys.type("*")
    keys.press("Enter")
    expect_page(page, "Source server")
    expect(page.get_by_label("E15MB1")).to_be_focused()
    keys.press("Space")
    keys.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("By hand was made")
    assert SendConnector.objects.get().name == "By hand"


def test_a_double_click_on_finish_makes_one_connector(console):
    page = console.page
    console.open(f"{LIST}new/")
    fill_to_source_servers(page)
    page.get_by_label("E15MB1").check()
    page.get_by_role("button", name="Finish").dblclick()

    expect(page.get_by_role("row", name="Internet")).to_be_visible()
    assert SendConnector.objects.count() == 1


def test_the_focus_goes_to_what_is_wrong(console):
    page = console.page
    console.open(f"{LIST}new/")
    page.get_by_role("textbox", name="Name").fill("Relay")
    press(page, "Next")
    page.get_by_label("Route mail through smart hosts").check()
    press(page, "Next")

    expect(page.get_by_role("textbox", name="Smart host 1")).to_be_focused()
    expect(page.get_by_role("textbox", name="Smart host 1")).to_have_attribute("aria-invalid", "true")


def test_back_keeps_what_was_typed_even_if_it_is_wrong(console):
    page = console.page
    console.open(f"{LIST}new/")
    page.get_by_role("textbox", name="Name").fill("Internet")
    page.get_by_label("Partner", exact=True).check()
    press(page, "Next")
    press(page, "Next")
    page.get_by_role("textbox", name="Domain of address space 1").fill("*contoso.com")
    press(page, "Back")
    expect_page(page, "Network settings")
    expect(page.get_by_label("Route mail through smart hosts")).to_be_disabled()
    expect(page.get_by_text("A Partner connector delivers straight")).to_be_visible()
    press(page, "Back")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Internet")
    expect(page.get_by_label("Partner", exact=True)).to_be_checked()
    press(page, "Next")
    press(page, "Next")
    expect(page.get_by_role("textbox", name="Domain of address space 1")).to_have_value("*contoso.com")

    press(page, "Next")

    expect(page.get_by_text("Address space *contoso.com: a wildcard needs a dot after it.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Domain of address space 1")).to_be_focused()

    page.get_by_role("textbox", name="Domain of address space 1").fill("contoso.com")
    page.get_by_role("textbox", name="Cost of address space 1").fill("101")
    press(page, "Next")

    expect(page.get_by_text("Cost 101: a cost is a whole number from 1 to 100.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Cost of address space 1")).to_be_focused()


@pytest.mark.parametrize("leave", ["Cancel", "Escape"])
def test_leaving_leaves_nothing_behind(console, leave):
    page = console.page
    console.open(f"{LIST}new/")
    fill_to_source_servers(page)
    address = page.url

    page.keyboard.press("Escape") if leave == "Escape" else press(page, "Cancel")

    page.wait_for_url(re.compile(f"{LIST}$"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert SendConnector.objects.count() == 0
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("That draft is gone")


def test_two_tabs_do_not_share_a_draft(console):
    first, second = console.page, console.page.context.new_page()
    console.open(f"{LIST}new/")
    first.get_by_role("textbox", name="Name").fill("First")
    press(first, "Next")
    expect_page(first, "Network settings")
    second.goto(f"{console.address}{LIST}new/")
    expect(second.get_by_role("textbox", name="Name")).to_have_value("")
    fill_to_source_servers(second, name="Second")

    press(first, "Back")

    expect(first.get_by_role("textbox", name="Name")).to_have_value("First")
    second.close()


def test_a_reload_keeps_the_page(console):
    page = console.page
    console.open(f"{LIST}new/")
    fill_to_source_servers(page)

    page.reload()

    expect_page(page, "Source server")


def test_without_javascript_the_wizard_is_a_plain_page(chromium, console):
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(console.page.context.cookies())
    page = context.new_page()
    page.goto(f"{console.address}{LIST}new/")
    page.get_by_role("textbox", name="Name").fill("Plain")
    press(page, "Next")
    page.get_by_label("Route mail through smart hosts").check()
    page.get_by_role("textbox", name="Smart host 1").fill("relay.contoso.com")
    press(page, "add smart host")
    expect(page.get_by_role("textbox", name="Smart host 1")).to_have_value("relay.contoso.com")
    page.get_by_role("textbox", name="Smart host 2").fill("192.0.2.1")
    press(page, "Remove smart host 1")
    expect(page.get_by_role("textbox", name="Smart host 1")).to_have_value("192.0.2.1")
    press(page, "Next")
    press(page, "Next")
    page.get_by_role("textbox", name="Domain of address space 1").fill("*")
    press(page, "Next")
    page.get_by_label("E15MB1").check()
    press(page, "Finish")

    expect(page.get_by_role("row", name="Plain")).to_be_visible()
    assert spec_of(SendConnector.objects.get()).smart_hosts == ("192.0.2.1",)
    context.close()
