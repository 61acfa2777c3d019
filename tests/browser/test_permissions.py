"""Users and role groups by clicks, and what somebody sees who may only look."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from admincenter.accounts import users
from admincenter.accounts.role_groups import SERVER, VIEW_ONLY
from admincenter.accounts.users import Person
from tests.support.roles import World, routes, somebody

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("servers")]
USERS = "/permissions/users/"
ROLES = "/permissions/admin-roles/"
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 390)]
NAME = "eva.lindqvist-ostberg@very-long-subsidiary-name.contoso.com"
OWN = {"Sign out", "Change password"}
"""The buttons of one's own account."""


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
def eva(administrator):
    """A user with a long name and several role groups."""
    person = Person(name="Wolfeschlegelstein" * 8, email="eva@contoso.com")
    user, _ = users.create(NAME, person, groups=[SERVER, VIEW_ONLY], actor=administrator.username)
    return user


def test_a_user_is_made_signs_in_and_loses_everything_at_once(console, chromium):
    page = console.page
    console.open(USERS)
    page.get_by_role("link", name="new").click()
    page.get_by_role("textbox", name="User name").fill("eva östberg")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("use letters, digits and")).to_be_visible()
    expect(page.get_by_role("textbox", name="User name")).to_be_focused()
    page.get_by_role("textbox", name="User name").fill("eva")
    page.get_by_label("View-Only Organization Management").check()
    page.get_by_role("button", name="Save").click()
    password = page.get_by_label("One-time password", exact=True).input_value()

    context = chromium.new_context()
    hers = context.new_page()
    hers.goto(f"{console.address}/sign-in/")
    hers.get_by_role("textbox", name="User name").fill("eva")
    hers.get_by_role("textbox", name="Password").fill(password)
    hers.keyboard.press("Enter")
    hers.get_by_label("Present password").fill(password)
    hers.get_by_label("New password", exact=False).nth(0).fill("sunlit harbour 88")
    hers.get_by_label("New password again").fill("sunlit harbour 88")
    hers.keyboard.press("Enter")
    expect(hers.get_by_role("link", name="mail flow", exact=True)).to_be_visible()
    expect(hers.get_by_role("link", name="permissions")).to_have_count(0)

    page.get_by_role("link", name="Done").click()
    expect(page.get_by_label("Select eva")).to_be_checked()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("1 user deactivated, and signed out everywhere.")).to_be_visible()

    hers.reload()
    expect(hers.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


@pytest.mark.usefixtures("eva")
def test_members_are_ticked(console):
    page = console.page
    console.open(ROLES)
    page.get_by_label("Select Hygiene Management").check()
    page.get_by_role("button", name="edit members").click()
    page.get_by_label(NAME).check()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("The members of Hygiene Management were saved.")).to_be_visible()
    expect(page.get_by_role("complementary").get_by_role("link", name=NAME)).to_be_visible()


def test_the_last_administrator_cannot_leave(console):
    page = console.page
    console.open(f"{ROLES}organization-management/edit/")
    page.get_by_role("checkbox", name="anna").uncheck()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("would have no active member")).to_be_visible()
    expect(page.get_by_role("checkbox", name="anna")).not_to_be_checked()


def test_nothing_bars_the_way_on_any_page(console, eva):
    found = []
    for path in (
        USERS,
        f"{USERS}?selected={eva.pk}",
        f"{USERS}{eva.pk}/edit/",
        f"{USERS}{eva.pk}/reset-password/",
        f"{USERS}new/",
        ROLES,
        f"{ROLES}?selected=server-management",
        f"{ROLES}server-management/edit/",
    ):
        console.open(path)
        found += [f"{path} {one}" for one in barriers(console)]
    console.open(f"{USERS}{eva.pk}/reset-password/")
    console.page.get_by_role("button", name="Reset password", exact=True).click()
    console.page.get_by_text("It is shown only now").wait_for()

    assert found + barriers(console) == []


def test_who_only_looks_finds_no_button_and_no_way_round(visitor):
    world, page = World(), visitor.page
    client = Client()
    client.force_login(somebody("V"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": visitor.address}]
    )
    buttons, refused, shown = set(), set(), set()

    for route in routes():
        if re.search(r"^sign|^api|/export/", route):
            continue
        answer = page.goto(visitor.address + world.address(route))
        (refused if answer.status == 403 else shown).add(route)
        # What filters and builds filters reads; a form that is posted writes.
        posting = page.locator("form[method=post] :is(button, [type=submit]), form[method=post] .tool")
        buttons |= {one.strip() for one in posting.all_text_contents()}

    assert buttons <= OWN | {"refresh"}
    assert len(shown) > 5
    assert refused >= {
        "permissions/users/",
        "permissions/users/new/",
        "permissions/admin-roles/<slug:slug>/edit/",
        "mail-flow/send-connectors/new/",
        "mail-flow/receive-connectors/<int:connector_id>/edit/",
        "mail-flow/test-message/",
        "mail-flow/queues/<int:queue_id>/act/",
    }
    assert not User.objects.filter(is_active=False).exists()
