"""The list of send connectors, its details pane, and the edit dialog."""

import re
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
RELAY = {
    "delivery": Delivery.SMART_HOST,
    "smart_hosts": ("relay.contoso.com",),
    "address_spaces": (parse("*.contoso.com"),),
}


@pytest.fixture
def relay(make):
    """A smart host connector with the stored password `hunter2`."""
    connector = make("Relay", **RELAY)
    spec = replace(
        spec_of(connector),
        auth=SmartHostAuth.BASIC,
        username="contoso",
        sealed_password=credentials.seal("hunter2", guid=connector.guid),
    )
    return services.change(connector.pk, spec, actor="anna", expected_version=None)


def details(page):
    """The details pane."""
    return page.get_by_role("complementary", name="Details")


def test_a_click_on_a_row_shows_its_details_and_names_it_in_the_address(console, make):
    make("Internet")
    relay = make("Relay", **RELAY)
    page = console.page
    console.open(LIST)
    page.get_by_role("cell", name="relay.contoso.com").click()

    expect(details(page).get_by_role("heading")).to_have_text("Relay")
    expect(page).to_have_url(re.compile(rf"selected={relay.pk}\b"))
    page.reload()
    expect(details(page).get_by_role("heading")).to_have_text("Relay")
    expect(page.get_by_label("Select Relay")).to_be_checked()


def test_several_ticked_rows_are_disabled_at_once(console, make):
    for name in ("Adatum", "Litware", "Northwind"):
        make(name, address_spaces=(parse(f"{name}.com"),))
    page = console.page
    console.open(LIST)
    expect(page.get_by_role("button", name="edit")).to_be_disabled()
    page.get_by_label("Select Adatum").check()
    expect(page.get_by_role("button", name="edit")).to_be_enabled()
    page.get_by_label("Select Northwind").check()
    expect(page.get_by_role("button", name="edit")).to_be_disabled()
    expect(page.get_by_text("2 selected")).to_be_visible()
    expect(details(page).get_by_role("heading")).to_have_text("2 send connectors")

    details(page).get_by_role("button", name="Disable").click()

    expect(page.get_by_role("status")).to_contain_text("2 send connectors disabled.")
    enabled = SendConnector.objects.filter(enabled=True)
    assert [connector.name for connector in enabled] == ["Litware"]


def test_arrow_keys_walk_the_rows_and_space_picks(console, make):
    for name in ("Adatum", "Litware", "Northwind"):
        make(name, address_spaces=(parse(f"{name}.com"),))
    page = console.page
    console.open(LIST)
    page.get_by_label("Select Adatum").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("End")

    expect(page.get_by_label("Select Northwind")).to_be_focused()
    expect(page.get_by_label("Select Litware")).to_be_checked()
    expect(details(page).get_by_role("heading")).to_have_text("Litware")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Select Northwind")).to_be_focused()


def test_a_click_on_a_header_sorts_and_a_second_one_turns_round(console, make):
    for name in ("beta", "Alpha", "Gamma"):
        make(name)
    page = console.page
    console.open(LIST)
    names = page.locator("tbody th a:visible")
    expect(names).to_have_text(["Alpha", "beta", "Gamma"])

    page.get_by_role("link", name="Name").click()

    expect(names).to_have_text(["Gamma", "beta", "Alpha"])
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")


def test_deleting_asks_first_and_names_what_goes(console, make):
    make("Internet")
    make("Relay", **RELAY)
    page = console.page
    console.open(LIST)
    page.get_by_label("Select Relay").check()
    page.get_by_role("button", name="delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Relay *.contoso.com")
    expect(dialog).to_contain_text("is routed again")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert SendConnector.objects.count() == 2

    page.get_by_label("Select Relay").check()
    page.get_by_role("button", name="delete").click()
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_role("status")).to_contain_text("1 send connector removed.")
    assert [connector.name for connector in SendConnector.objects.all()] == ["Internet"]


def test_the_edit_dialog_changes_every_section_at_once(console, make):
    connector = make("Internet")
    page = console.page
    console.open(f"{LIST}{connector.pk}/edit/")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Comment").fill("To everyone")
    dialog.get_by_role("textbox", name="Maximum send message size").fill("10 MB")
    dialog.get_by_role("link", name="delivery").click()
    expect(dialog.get_by_role("textbox", name="Comment")).to_be_hidden()
    dialog.get_by_role("textbox", name="Messages per connection").fill("7")
    dialog.get_by_role("link", name="scoping").click()
    dialog.get_by_role("button", name="add address space").click()
    dialog.get_by_role("textbox", name="Domain of address space 2").fill("contoso.com")
    dialog.get_by_label("E15MB2").check()
    dialog.get_by_role("textbox", name="FQDN for HELO").fill("Mail.Contoso.com")
    dialog.get_by_role("link", name="security").click()
    dialog.get_by_label("Require it (RequireTLS)").check()
    dialog.get_by_label("What the certificate must prove").select_option("CertificateValidation")
    dialog.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("was saved")
    spec = spec_of(SendConnector.objects.get())
    assert (spec.comment, spec.max_message_bytes) == ("To everyone", 10 * 1024 * 1024)
    assert (spec.messages_per_connection, spec.fqdn) == (7, "mail.contoso.com")
    assert [str(space) for space in spec.address_spaces] == ["SMTP:*;1", "SMTP:contoso.com;1"]
    assert spec.source_servers == ("E15MB1", "E15MB2")
    assert (spec.require_tls, spec.tls_auth_level) == (True, "CertificateValidation")


def test_an_error_opens_its_section(console, make):
    connector = make("Internet")
    page = console.page
    console.open(f"{LIST}{connector.pk}/edit/")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="scoping").click()
    dialog.get_by_role("textbox", name="Domain of address space 1").fill("*contoso.com")
    dialog.get_by_role("link", name="general").click()
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_text("Address space *contoso.com: a wildcard needs a dot after it.")).to_be_visible()
    assert SendConnector.objects.get().version == 1


def test_an_error_is_in_sight_on_a_phone(console, relay):
    page = console.page
    page.set_viewport_size({"width": 390, "height": 700})
    console.open(f"{LIST}{relay.pk}/edit/")
    page.get_by_role("link", name="security").click()
    page.get_by_label("Require it (RequireTLS)").check()
    page.get_by_label("What the certificate must prove").select_option("DomainValidation")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="delivery")).to_be_attached()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_be_in_viewport(ratio=1)


def test_mx_records_after_smart_hosts_can_be_saved(console, relay):
    page = console.page
    console.open(f"{LIST}{relay.pk}/edit/")
    page.get_by_role("dialog").get_by_role("link", name="delivery").click()
    page.get_by_label("MX record associated with recipient domain").check()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("was saved")


def test_a_password_being_typed_survives_a_new_row(console, relay):
    page = console.page
    console.open(f"{LIST}{relay.pk}/edit/")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="delivery").click()
    dialog.get_by_role("textbox", name="Password").fill("new one")
    dialog.get_by_role("button", name="add smart host").click()
    dialog.get_by_role("textbox", name="Smart host 2").fill("second.contoso.com")
    dialog.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("was saved")
    relay.refresh_from_db()
    assert credentials.open_sealed(relay.sealed_password, guid=relay.guid) == "new one"


def test_another_smart_host_wants_the_password_again(console, relay):
    page = console.page
    console.open(f"{LIST}{relay.pk}/edit/")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="delivery").click()
    expect(dialog.get_by_role("textbox", name="Password")).to_have_value("")
    dialog.get_by_role("textbox", name="Smart host 1").fill("evil.example")
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_text("which clears the stored password: type it again")).to_be_visible()
    relay.refresh_from_db()
    assert relay.version == 2


def test_a_hostile_name_is_only_text(console, make):
    make("<img src=x onerror=alert(1)>", comment="<script>alert(2)</script>")
    page = console.page
    console.open(LIST)
    page.get_by_label("Select <img").check()

    expect(details(page).get_by_text("<script>alert(2)</script>", exact=True)).to_be_visible()
    assert page.locator("img").count() == 0


def test_an_expired_login_leads_the_whole_window_to_the_sign_in_page(console, make):
    make("Internet")
    page = console.page
    console.open(LIST)
    page.context.clear_cookies()
    page.get_by_label("Select Internet").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("textbox", name="User name").fill("anna")
    page.get_by_role("textbox", name="Password").fill("a long enough password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Internet")).to_be_visible()
