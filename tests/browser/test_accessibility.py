"""axe finds nothing on any page, in either theme, wide and narrow."""

import pytest
from django.urls import reverse

from connectors.address_spaces import parse
from connectors.profiles import Delivery, SmartHostAuth

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
LIST = "/mail-flow/send-connectors/"
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 390)]


def barriers(console):
    """Look at the page as it is, in both themes, wide and narrow."""
    found = []
    for theme, width in LOOKS:
        console.page.emulate_media(color_scheme=theme)
        console.page.set_viewport_size({"width": width, "height": 840})
        found += [f"{theme} {width}: {barrier}" for barrier in console.find_barriers()]
        overflow = console.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{width}: the page is {overflow} px too wide"] if overflow > 0 else []
    return found


@pytest.fixture
def ten(make):
    """Ten connectors, one with the longest name."""
    make("W" * 64, smart_hosts=(f"{'a' * 63}.{'b' * 63}.example",), delivery=Delivery.SMART_HOST)
    for number in range(9):
        make(f"Partner {number}", enabled=number % 2 == 0, address_spaces=(parse(f"p{number}.example"),))


def test_the_sign_in_page(visitor):
    visitor.open(reverse("sign_in"))
    found = barriers(visitor)
    visitor.page.get_by_role("button", name="Sign in").click()

    assert found + barriers(visitor) == []


def test_the_password_page(console):
    console.open(reverse("change_password"))
    found = barriers(console)
    console.page.get_by_role("button", name="Change password").click()

    assert found + barriers(console) == []


def test_the_empty_list_and_a_page_that_is_not_there(console):
    console.open(LIST)
    found = barriers(console)
    console.open(f"{LIST}999/edit/")

    assert found + barriers(console) == []


@pytest.mark.usefixtures("ten")
def test_the_list_with_and_without_a_selection(console):
    console.open(LIST)
    found = barriers(console)
    console.page.get_by_role("button", name="anna").click()
    found += barriers(console)
    console.page.keyboard.press("Escape")
    console.page.get_by_label("Select all rows").check()
    console.page.get_by_text("10 send connectors").first.wait_for()

    assert found + barriers(console) == []


@pytest.mark.usefixtures("ten")
def test_the_question_before_deleting(console):
    console.open(LIST)
    console.page.get_by_label("Select Partner 1").check()
    console.page.get_by_role("button", name="delete").click()

    assert barriers(console) == []


def test_every_page_of_the_wizard_with_and_without_errors(console):
    page = console.page
    console.open(f"{LIST}new/")
    found = barriers(console)
    page.keyboard.press("Enter")
    page.get_by_text("Name: it is needed.").wait_for()
    found += barriers(console)
    page.get_by_role("textbox", name="Name").fill("Relay")
    page.keyboard.press("Enter")
    page.get_by_label("Route mail through smart hosts").check()
    page.keyboard.press("Enter")
    page.get_by_text("at least one smart host is needed").wait_for()
    found += barriers(console)
    page.get_by_role("textbox", name="Smart host 1").fill("192.0.2.1")
    page.keyboard.press("Enter")
    page.get_by_label("Basic authentication", exact=True).check()
    page.keyboard.press("Enter")
    page.get_by_text("needs a password").wait_for()
    found += barriers(console)
    page.get_by_label("Externally secured").check()
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Domain of address space 1").press("Enter")
    page.get_by_text("at least one address space is needed").wait_for()
    found += barriers(console)
    page.get_by_role("textbox", name="Domain of address space 1").fill("*")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("at least one source server is needed").wait_for()

    assert found + barriers(console) == []


def test_every_section_of_the_edit_dialog(console, make):
    relay = make(
        "Relay", delivery=Delivery.SMART_HOST, smart_hosts=("192.0.2.1",), auth=SmartHostAuth.EXTERNAL
    )
    console.open(f"{LIST}{relay.pk}/edit/")
    found = []
    for section in ("general", "delivery", "scoping", "security"):
        console.page.get_by_role("link", name=section, exact=True).click()
        found += barriers(console)

    assert found == []


def test_the_sign_in_page_of_who_was_away(console, settings):
    settings.SESSION_IDLE_SECONDS = -1
    console.open(LIST)
    console.page.get_by_text("You were signed out because nobody used this page for a while.").wait_for()

    assert barriers(console) == []
