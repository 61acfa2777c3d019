"""A receive connector is made, edited and deleted by clicking; axe finds nothing on the way."""

import pytest
from playwright.sync_api import expect

from connectors import receive_services
from connectors.models import ReceiveConnector
from connectors.ranges import parse_binding, parse_range
from connectors.receiving import ReceiveSettings
from transport.models import BoundAddress, TransportServer

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
LIST = "/mail-flow/receive-connectors/"
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 390)]
SECTIONS = ("general", "scoping", "security", "limits")


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


def test_a_connector_is_made_edited_and_deleted_by_clicking(console):
    page = console.page
    dialog, details = page.get_by_role("dialog"), page.get_by_role("complementary", name="Details")
    console.open(LIST)
    found = barriers(console)
    page.get_by_role("link", name="Create a receive connector").click()
    dialog.get_by_role("textbox", name="Name").fill("Printers")
    dialog.get_by_label("Server", exact=True).select_option("E15MB2")
    dialog.get_by_label("Internet", exact=True).check()
    dialog.get_by_role("textbox", name="Bindings").fill("everywhere")
    dialog.get_by_role("textbox", name="Remote IP ranges").fill("10.0.0.0/8\n192.0.2.7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Bindings everywhere: a binding reads address:port")).to_be_visible()
    found += barriers(console)
    dialog.get_by_role("textbox", name="Bindings").fill("0.0.0.0:25")
    dialog.get_by_role("button", name="Save").click()

    expect(details.get_by_text("192.0.2.7")).to_be_visible()
    connector = ReceiveConnector.objects.get()
    assert (str(connector), connector.permissions) == ("E15MB2\\Printers", ["AnonymousUsers"])

    details.get_by_role("link", name="Edit").click()
    for section in SECTIONS:
        dialog.get_by_role("link", name=section, exact=True).click()
        found += barriers(console)
    dialog.get_by_role("textbox", name="Maximum hop count").fill("900")
    dialog.get_by_role("link", name="security", exact=True).click()
    dialog.get_by_label("Anonymous users may send to any recipient").check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Maximum hop count 900: from 1 to 500.")).to_be_visible()
    dialog.get_by_role("textbox", name="Maximum hop count").fill("9")
    dialog.get_by_role("button", name="Save").click()

    expect(details.get_by_text("to any recipient")).to_be_visible()
    connector.refresh_from_db()
    assert (connector.max_hop_count, connector.anonymous_relay, connector.version) == (9, True, 2)

    details.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("row", name="Printers").get_by_text("Disabled")).to_be_visible()
    page.get_by_role("button", name="delete").click()
    found += barriers(console)
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No mail comes in over SMTP")).to_be_visible()
    assert not ReceiveConnector.objects.exists()
    assert found == []


def test_a_long_name_and_a_binding_that_could_not_be_had_leave_the_page_in_shape(console):
    made = receive_services.create(
        ReceiveSettings(
            name="W" * 64,
            server="E15MB1",
            bindings=(parse_binding("0.0.0.0:25"), parse_binding("[2001:db8::1]:587")),
            remote_ranges=(parse_range("2001:db8:1111:2222:3333:4444:5555:6666-2001:db8:ffff::"),),
            certificate="c" * 128,
        ),
        actor="anna",
    )
    server = TransportServer.objects.get(name="E15MB1")
    BoundAddress.objects.report(server, {"0.0.0.0:25": "Permission denied"})
    console.open(LIST)
    console.page.get_by_label(f"Select E15MB1\\{made.name}").check()
    expect(console.page.get_by_text("0.0.0.0:25: Permission denied")).to_be_visible()
    found = barriers(console)
    console.open(f"{LIST}{made.pk}/edit/")
    console.page.get_by_role("link", name="scoping", exact=True).click()

    assert found + barriers(console) == []
