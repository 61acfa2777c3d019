"""A person reads in the audit log what somebody did, and copies the line that does it again."""

import pytest

from connectors import audit, services
from connectors.commands import Change
from connectors.models import AuditEntry
from tests.browser.test_accessibility import barriers

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
SCREEN = "/compliance/audit-log/"


def record_a_long_one():
    """The longest names, and one that was refused."""
    spaces = [f"SMTP:{'d' * 60}{number}.example;1" for number in range(30)]
    changes = [Change(name="AddressSpaces", old=spaces[:20], new=spaces)]
    with audit.coming_from("2001:db8::ffff:192.0.2.77"):
        audit.record("Set-SendConnector", actor="a" * 150, objects=["W" * 64], changes=changes)
        objects = [rf"E15MB1\42\{number}" for number in range(60)]
        audit.record("Suspend-Message", actor="shell:root", objects=objects, count=120_000)
        audit.record(
            "New-SendConnector", actor="bert", objects=["Internet"], count=0, error="Name: " + "x" * 900
        )


def test_a_person_finds_a_change_and_copies_its_line(console, make):
    connector = make("Internet", port=25)
    services.disable([connector.pk], actor="bert")
    record_a_long_one()
    page = console.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=console.address)
    console.open("/dashboard/")
    page.get_by_role("link", name="compliance").click()
    page.get_by_text("Pick an entry").wait_for()
    found = barriers(console)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_label("User").fill("bert")
    page.get_by_label("Object").fill("inter")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Set-SendConnector").click()
    page.get_by_text("Set-SendConnector -Identity Internet -Enabled $false").wait_for()
    page.get_by_role("button", name="copy").click()
    page.get_by_text("Copied.").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == (
        "Set-SendConnector -Identity Internet -Enabled $false"
    )
    assert "user=bert" in page.url
    assert "selected=" in page.url
    assert page.evaluate("document.activeElement.dataset.copy") == ""
    assert found + barriers(console) == []


def test_the_longest_names_and_what_was_refused(console):
    record_a_long_one()
    found = []
    for entry in AuditEntry.objects.all():
        console.open(f"{SCREEN}?selected={entry.pk}")
        found += barriers(console)

    assert found == []


def test_nothing_yet_nothing_found_and_a_wrong_day(console):
    found = []
    for query in ("", "?user=nobody", "?start=never", "?selected=7"):
        console.open(f"{SCREEN}{query}")
        found += barriers(console)

    assert found == []


def test_the_line_that_makes_a_send_connector_unfolds(console, make):
    make("Internet", comment="for all")
    page = console.page
    console.open("/mail-flow/send-connectors/")
    page.get_by_label("Select Internet").check()
    page.get_by_text("Show command").click()

    assert 'New-SendConnector -Name Internet -Comment "for all"' in page.locator("code").inner_text()
    assert barriers(console) == []
